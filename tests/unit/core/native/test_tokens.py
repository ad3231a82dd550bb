"""Tokens that the applications' own code made, and altered ones with the verdict that it gave (``tokens.json``)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reply_milter.core.native import gitea, moodle
from reply_milter.core.native.forms import FORMS, Reading, is_genuine, reading_of
from reply_milter.core.native.known import Known

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "tokens.json").read_text(encoding="utf-8"))
_NOW: int = _DATA["checked_at_unix"]
_APPLICATIONS = {"gitea": "gitea", "gitea_37600": "gitea", "forgejo": "forgejo"}
# With the user's secret one can make tokens that the application reads and never writes. Those of other purposes are
# one spelling of what they say; the others are not.
_NEEDS_SECRET = {"genuine MAC, handler 0", "genuine MAC, handler 3", "genuine MAC, handler 255"}


class Case(NamedTuple):
    """One altered token: under which form, with which secrets on file, at which time; and what the application says."""

    form: str
    name: str
    token: str
    secrets: dict[int, str]
    now: float
    accepted: bool


def _cases() -> Iterator[Case]:
    for part, form in _APPLICATIONS.items():
        for given in _DATA[part]["altered"]:
            for one in given["mutations"]:
                yield _case(part, form, given, one)


def _case(part: str, form: str, given: dict[str, Any], one: dict[str, Any]) -> Case:
    secrets = {given["user_id"]: given["rands"], given["other_user_id"]: given["other_user_rands"]}
    name = one["mutation"]
    if "changed in the table" in name:
        secrets[given["user_id"]] = "0" * 32
    if "upper-cased in the table" in name:
        secrets[given["user_id"]] = given["rands"].upper()
    now = one.get("checked_at_unix", _NOW) + ("1 ns after" in name)
    return Case(form, f"{part}: {name}", one.get("token", ""), secrets, now, one["verdict"]["accepted"])


def _judged(form: str, token: str, secrets: dict[int, str], now: float) -> tuple[bool, Reading]:
    reading = reading_of(FORMS[form], token)
    secret = secrets.get(reading.named.user)
    good = is_genuine(reading, Known(secret) if secret is not None else None)
    last = reading.named.last_second
    return good and reading.is_canonical and last is not None and now <= last, reading


@pytest.mark.parametrize("part", _APPLICATIONS)
def test_genuine_tokens_are_taken_and_read_as_they_were_made(part: str) -> None:
    """All that the applications made, up to the largest numbers."""
    for one in _DATA[part]["tokens"]:
        good, reading = _judged(_APPLICATIONS[part], one["token"], {one["user_id"]: one["rands"]}, _NOW)
        assert good
        assert (reading.named.user, reading.named.last_second) == (one["user_id"], one["expires_unix"])
        kind = gitea.FORGEJO if part == "forgejo" else gitea.GITEA
        token = gitea.parse(one["token"], kind)
        assert token is not None and gitea.write(token, kind) == one["token"]
        assert (token.purpose, token.data.hex(), token.mac.hex()) == (one["handler"], one["data_hex"], one["mac_hex"])


_CANONICAL = ("checked at the second of expiry", *sorted(_NEEDS_SECRET))


@pytest.mark.parametrize("case", list(_cases()), ids=lambda case: case.name)
def test_only_what_the_application_writes_is_taken(case: Case) -> None:
    """What it refuses is refused, and of what it takes all second spellings."""
    good, reading = _judged(case.form, case.token, case.secrets, case.now)
    name = case.name.partition(": ")[2]
    same_text = name == "'=' padded to 8" and case.accepted  # its length is a multiple of 8 without any
    assert good == (name in _CANONICAL or same_text)
    if good:
        assert case.accepted, "stricter than the application, never laxer"
    spelled_otherwise = case.accepted and not good and not name.startswith("genuine MAC")
    if spelled_otherwise and case.token.isascii() and "\n" not in case.token:
        secret = case.secrets.get(reading.named.user)
        assert secret is not None and is_genuine(reading, Known(secret)), "and it is known for a second spelling"


def _moodle_key(address: str) -> str:
    return address.partition("+")[2].rpartition("@")[0]


def test_addresses_of_moodle_are_taken() -> None:
    """With the two keys that made them, and no others."""
    for one in _DATA["moodle"]["addresses"]:
        reading = reading_of(FORMS["moodle"], _moodle_key(one["address"]))
        named = reading.named
        assert (named.handler, named.user, named.data) == (one["handler"], one["user"], one["data"])
        assert is_genuine(reading, Known(one["userkey"], data_secret=one["datakey"]))
        assert not is_genuine(reading, Known(one["datakey"], data_secret=one["userkey"]))


def _altered_keys() -> Iterator[tuple[str, dict[str, Any], str, bool]]:
    for given in _DATA["moodle"]["altered"]:
        genuine = next(one["to"] for one in given["mutations"] if one["mutation"] == "genuine")
        for one in given["mutations"]:
            yield one["mutation"], given, _moodle_key(one["to"]), _moodle_key(one["to"]) == _moodle_key(genuine)


@pytest.mark.parametrize(("name", "given", "key", "same"), [pytest.param(*one, id=one[0]) for one in _altered_keys()])
def test_altered_addresses_of_moodle_are_not(name: str, given: dict[str, Any], key: str, same: bool) -> None:
    """One spelling of 36 octets is taken; padding, blanks and other numbers with the same digest are not."""
    reading = reading_of(FORMS["moodle"], key)
    users = {given["user"]: given["userkey"], given["user"] + 1: given["other_userkey"]}
    user, of_data = users.get(reading.named.user), (given["handler"], given["data"])
    known = None
    if user is not None and (reading.named.handler, reading.named.data) == of_data:
        known = Known(user, data_secret=given["datakey"])
    assert is_genuine(reading, known) == same


def test_octets_are_compared_and_not_numbers() -> None:
    """PHP takes two texts of the form 0e123 for the same number."""
    given = _DATA["moodle"]["loose_comparison"]
    known = Known(given["userkey"], data_secret=given["datakey"])
    readings = {one["hash_hex"]: reading_of(FORMS["moodle"], _moodle_key(one["to"])) for one in given["results"]}
    taken = [digest for digest, reading in readings.items() if is_genuine(reading, known)]
    assert taken == [given["hash_hex"]]


def test_the_example_of_moodles_own_documentation_is_read() -> None:
    """Its three numbers."""
    given = _DATA["moodle"]["seed_example"]
    token = moodle.parse(given["subaddress"])
    assert token is not None
    assert (token.handler, token.user, token.data) == (given["handlerid"], given["userid"], given["datavalue"])
    assert token.mac.hex() == given["datakey_field_hex"]
