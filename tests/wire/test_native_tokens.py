"""Tokens that the applications' own code made, and altered ones, judged by a running daemon over the milter protocol.

Each is answered with a whole message, so that what is accepted shows in the seal. ``tokens.json`` is that of the unit
tests. Where a case needs another state of the users, a handler of its own has it.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.wire.milter_alone import Milter, own_folder
from tests.wire.milter_client import CONTINUE, INSERT_HEADER, REPLYCODE, Mta

pytestmark = pytest.mark.wire

_DATA: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "unit/core/native/tokens.json").read_text(encoding="utf-8")
)
_APPLICATIONS = {"gitea": "gitea", "gitea_37600": "gitea", "forgejo": "forgejo"}
# Whoever has the user's secret can make these; each is the one spelling of what it says.
_NEEDS_SECRET = {"genuine MAC, handler 0", "genuine MAC, handler 3", "genuine MAC, handler 255"}
_NOW = int(time.time())
_HANDLER = """
[[handler]]
id = {id}
name = "n{id}"
context = "wrapped"
[handler.wrap]
application = "{form}"
address = "incoming+{{key}}@n{id}.example.com"
native = "verify"
outward = false
[handler.verify]
type = "{form}"
source = "file:{source}"
[handler.delivery]
type = "maildir"
path = "{folder}/mail"
"""


class Case(NamedTuple):
    """``local``: what the client writes before the domain. ``users``: the lines of its application's file."""

    name: str
    form: str
    users: tuple[str, ...]
    local: str
    suffix: str
    good: bool


def _cases() -> Iterator[Case]:
    for part, form in _APPLICATIONS.items():
        expires = {one["token"]: one["expires_unix"] for one in _DATA[part]["tokens"]}
        for one in _DATA[part]["tokens"]:
            users = (_user(one["user_id"], one["rands"]),)
            yield Case(f"{part} made", form, users, f"incoming+{one['token']}", "", expires[one["token"]] > _NOW + 600)
        for given in _DATA[part]["altered"]:
            for one in given["mutations"]:
                yield _altered(part, form, given, one, expires[given["token"]] > _NOW + 600)
    yield from _of_moodle()


def _altered(part: str, form: str, given: dict[str, Any], one: dict[str, Any], is_alive: bool) -> Case:
    name, secret, token = one["mutation"], given["rands"], one.get("token", "")
    if "changed in the table" in name:
        secret = "0" * 32
    if "upper-cased in the table" in name:
        secret = secret.upper()
    users = (_user(given["user_id"], secret), _user(given["other_user_id"], given["other_user_rands"]))
    genuine = token == given["token"] and secret == given["rands"]
    return Case(f"{part} {name}", form, users, f"incoming+{token}", "", is_alive and (genuine or name in _NEEDS_SECRET))


def _of_moodle() -> Iterator[Case]:
    for one in _DATA["moodle"]["addresses"]:
        users = (_user(one["user"], one["userkey"]), _data(one, None, False))
        yield Case("moodle made", "moodle", users, one["address"].rpartition("@")[0], "", True)
    for given in _DATA["moodle"]["altered"]:
        genuine = next(one["to"] for one in given["mutations"] if one["mutation"] == "genuine")
        for one in given["mutations"]:
            name, (local, _, domain) = one["mutation"], one["to"].rpartition("@")
            gone = name.startswith(("user deleted", "user unconfirmed"))
            expires = _NOW - 1 if "key expired" in name else _NOW + 86400 if "in the future" in name else None
            closed = name.startswith("handler disabled")
            state: tuple[str, ...] = (
                _user(given["user"], given["userkey"], gone),
                _user(given["user"] + 1, given["other_userkey"]),
                _data(given, expires, closed),
            )
            suffix = domain.lower().removeprefix("example.com")
            good = local == genuine.rpartition("@")[0] and not suffix and not gone and not closed
            yield Case(f"moodle {name}", "moodle", state, local, suffix, good and "key expired" not in name)


def _user(number: int, secret: str, disabled: bool = False) -> str:
    return json.dumps({"id": number, "secret": secret, "disabled": disabled})


def _data(of: dict[str, Any], expires: int | None, disabled: bool) -> str:
    known = {"handler": of["handler"], "data": of["data"], "secret": of["datakey"]}
    return json.dumps({**known, "expires": expires, "disabled": disabled})


CASES = tuple(_cases())


def _applications() -> dict[int, list[Case]]:
    """The cases of each handler, by its number: those that agree about all users that they know."""
    states: list[tuple[str, dict[str, str]]] = []
    found: dict[int, list[Case]] = defaultdict(list)
    for case in CASES:
        lines = {line.partition('"secret"')[0]: line for line in case.users}
        agreeing = (
            number
            for number, (form, known) in enumerate(states)
            if form == case.form and all(known.get(key, line) == line for key, line in lines.items())
        )
        number = next(agreeing, len(states))
        if number == len(states):
            states.append((case.form, {}))
        states[number][1].update(lines)
        found[number + 20].append(case)
    return found


APPLICATIONS = _applications()


@pytest.fixture(scope="module")
def milter() -> Iterator[Milter]:
    """A daemon that verifies all of them, and throttles nobody."""
    with own_folder() as folder:
        running = Milter(folder, changes={"forged_per_minute = 60": "forged_per_minute = 0"})
        text = f'{running.config.read_text()}\n[delivery]\nlisten = "unix:{folder}/lmtp.sock"\nsocket_group = ""\n'
        for number, cases in APPLICATIONS.items():
            source = folder / f"users-{number}"
            source.write_text("\n".join(dict.fromkeys(line for case in cases for line in case.users)))
            source.chmod(0o644)
            text += _HANDLER.format(id=number, form=cases[0].form, source=source, folder=folder)
        running.config.write_text(text)
        running.daemon.start()
        yield running
        running.daemon.stop()


def _answer(mta: Mta, address: str, name: str) -> tuple[str, bool]:
    """What the client hears at RCPT, and whether the message was sealed."""
    mta.mail()
    heard = mta.rcpt(f"<{address}>".encode("utf-8", "surrogateescape"), address)
    if heard.code != CONTINUE:
        assert heard.code == REPLYCODE, heard
        mta.abort()
        return heard.text, False
    fields = {"From": "<alice@client.example>", "Message-ID": f"<{name}@client.example>", "Subject": "Re: x"}
    for field, value in {**fields, "Date": "Sun, 29 Nov 2026 10:00:00 +0000"}.items():
        mta.header(field, value)
    mta.end_of_header()
    mta.body(b"Yes.\r\n")
    end = mta.end_of_message(name)
    sealed = [data for code, data in end.edits if code == INSERT_HEADER and b"class=native" in data]
    return end.text, bool(sealed) and end.code == CONTINUE


@pytest.mark.parametrize("number", APPLICATIONS)
def test_each_is_judged_as_its_application_would_and_stricter(milter: Milter, number: int) -> None:
    """Genuine ones are sealed; what is not is refused in words that tell nothing, or is no address of it at all."""
    wrong, heard = [], set()
    with Mta(milter.socket) as mta:
        mta.connect()
        for place, case in enumerate(APPLICATIONS[number]):
            if "\0" in case.local:
                continue
            text, good = _answer(mta, f"{case.local}@n{number}.example.com{case.suffix}", f"m{number}-{place}")
            if good != case.good:
                wrong.append((case.name, text))
            if not good:
                heard.add(text)
    assert wrong == []
    assert {text.partition(" on ")[0] for text in heard} <= {
        "",
        "550 5.7.1 This reply address is not valid",
        "550 5.7.1 Answer the notification that you got; your answer to its own address is enough",
        "550 5.1.1 This spelling of the reply address is not accepted",
        "550 5.7.1 This reply address expired",
    }


def test_all_of_the_file_is_asked_about() -> None:
    """And most of what is altered is altered for nothing."""
    assert len(CASES) > 600 and sum(case.good for case in CASES) >= 220
    assert sum(len(cases) for cases in APPLICATIONS.values()) == len(CASES)
