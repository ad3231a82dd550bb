"""``why``: from a queue id, a token id, the id of a reply or a client, to what became of a message, and why."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from reply_milter.adapters.telemetry.log_lines import read_line
from reply_milter.cli.why_words import heard
from reply_milter.core.verdict.reasons import REASONS, Reason
from tests.support.shell import Shell

TOKEN = "abcdefgh23456"  # noqa: S105 # an id
OTHER = "zzzzefgh23456"
ONE, TWO = TOKEN + "aaaaaaaaaaaaa", TOKEN + "bbbbbbbbbbbbb"
HEAD = "2026-01-01T00:00:0{}Z info reply-milter[7]: "
LINES = [
    "started worker verifier-0, process 8",
    f"recipient token={TOKEN} verdict=reject reason=revoked because=user stage=rcpt handler=issue client=192.0.2.1",
    f"message queue=4Qa1 token={TOKEN} verdict=accept reason=ok stage=eom handler=issue replay=first ms=1.20",
    f'delivery queue=4Qa1 token={TOKEN} id={ONE} outcome=deferred handler=issue why="answered 503" ms=3.00',
    f"message queue=4Qa2 token={TOKEN} verdict=accept reason=ok stage=eom handler=issue replay=first ms=1.20",
    f"delivery queue=4Qa2 token={TOKEN} id={TWO} outcome=delivered handler=issue ms=3.00",
    f"message queue=4Qa3 token={OTHER} verdict=reject reason=thread_absent stage=eom handler=issue ms=1.00",
    f"a reply is not committed: id={ONE}",
    'delivery queue=4Qa4 outcome=dead_letter reason=seal_missing why="\x1b[31mred" ms=1.00',
]


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A log with two replies to one address, and what came before them."""
    path = tmp_path / "daemon.log"
    path.write_text("".join(f"{HEAD.format(number)}{line}\n" for number, line in enumerate(LINES)))
    return str(path)


def found(shell: Shell, log: str, name: str) -> list[str]:
    """The lines that are shown, by their seconds."""
    return [str(one["line"]).split("Z")[0][-1] for one in json.loads(shell.good("why", name, "--log", log, "--json"))]


@pytest.mark.parametrize(
    "name,seconds",
    [
        ("4Qa1", "23"), (TOKEN, "12345"), (ONE, "237"), (TWO, "45"), ("192.0.2.1", "1"), ("[192.0.2.1]", "1"),
        ("4Qa3", "6"),
    ],
)  # fmt: skip
def test_each_name_finds_its_lines(shell: Shell, log: str, name: str, seconds: str) -> None:
    """Of one reply, not those of another reply to the same address."""
    assert "".join(found(shell, log, name)) == seconds


def test_a_refusal_is_explained_in_words(shell: Shell, log: str) -> None:
    """The reason, the cause that the client does not get to know, and what the client heard."""
    assert shell.good("why", "192.0.2.1", "--log", log) == (
        "2026-01-01 00:00:01 UTC  RCPT: refused (revoked, user)\n"
        "    The address was genuine, and was revoked.\n"
        "    All older addresses of its user were revoked.\n"
        "    The client heard: 550 5.7.1 This reply address is not valid\n"
        f"    token {TOKEN}, handler issue, client 192.0.2.1\n"
    )


def test_a_delivery_is_explained_in_words(shell: Shell, log: str) -> None:
    """What the application said, without its controls."""
    told = shell.good("why", "4Qa1", "--log", log)
    assert "End of message: accepted (ok)" in told
    assert "Delivery: deferred" in told and "It says: answered 503" in told
    dead = shell.good("why", "4Qa4", "--log", log)
    assert "Delivery: dead_letter (seal_missing)" in dead
    assert "It has no X-Reply-Verdict" in dead
    assert "It says: ?[31mred" in dead and "\x1b" not in dead


def test_nothing_found_says_where_it_was_looked_for(shell: Shell, log: str) -> None:
    """Exit 1; for a program an empty list, too."""
    status, out, err = shell.run("why", "4Qx9", "--log", log)
    assert (status, out, err) == (1, "", f"reply-milter: {log} has no line about 4Qx9\n")
    status, out, _ = shell.run("why", "4Qx9", "--log", log, "--json")
    assert (status, out) == (1, "[]\n")


@pytest.mark.parametrize(
    "name,words",
    [
        ("reply+x@reply.test", "the log holds no addresses; reply-milter explain ADDRESS"),
        ("NOQUEUE", "give the client's IP address"),
        ("", "is no queue id"), ("a b", "is no queue id"), ("abc", "is no queue id"), (".*.*", "is no queue id"),
        ("--since", ""), ("x" * 65, "is no queue id"), ("\u0664\u0662\u0664\u0662", "is no queue id"),
    ],
)  # fmt: skip
def test_what_no_log_can_hold_is_refused(shell: Shell, log: str, name: str, words: str) -> None:
    """In a line that says what to do instead."""
    status, err = shell.refused("why", name, "--log", log)
    assert status == os.EX_USAGE
    assert words in err


def test_standard_input_is_a_log(shell: Shell, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that is compressed, for example."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(log).read_bytes())))
    assert "thread_absent" in shell.good("why", "4Qa3", "--log", "-")


def test_a_log_that_is_not_there_is_named(shell: Shell, tmp_path: Path) -> None:
    """As EX_NOINPUT."""
    status, err = shell.refused("why", "4Qa3", "--log", f"{tmp_path}/none")
    assert (status, err) == (os.EX_NOINPUT, f"reply-milter: {tmp_path}/none: No such file or directory\n")


def test_of_very_many_lines_the_newest_are_shown(shell: Shell, tmp_path: Path) -> None:
    """A client that was refused all day fills no screen for ever."""
    path = tmp_path / "log"
    with open(path, "w") as file:
        for number in range(3000):
            file.write(
                f"recipient verdict=reject reason=forged because=checksum stage=rcpt client=192.0.2.7 ms={number}\n"
            )
    told = json.loads(shell.good("why", "192.0.2.7", "--log", str(path), "--json"))
    assert len(told) == 200 and told[-1]["fields"]["ms"] == "2999"


@pytest.mark.parametrize("reason", Reason)
def test_what_the_client_heard_is_what_the_program_says(reason: Reason) -> None:
    """For each reason; a refusal that stays 4xx by itself, and one that a policy defers."""
    line = f"message queue=4Q1 verdict={{}} reason={reason} stage=eom"
    refused, deferred = (heard(read_line(line.format(verdict))) for verdict in ("reject", "defer"))
    said = REASONS[reason].reply
    if reason is not Reason.MALFORMED:
        assert refused.startswith(str(said))
    assert deferred[:3] in ("451", "452")
    assert heard(read_line(line.format("accept"))) == ""


@pytest.mark.parametrize(
    "line",
    [
        "message verdict=reject reason=later_reason stage=eom",
        "message verdict=later reason=ok",
        "delivery outcome=x y=z",
    ],
)
def test_words_of_a_later_version_are_shown_as_they_are(shell: Shell, tmp_path: Path, line: str) -> None:
    """A log outlives an upgrade that was taken back."""
    (tmp_path / "log").write_text(line.replace(" ", " queue=4Qb1 ", 1) + "\n")
    told = shell.good("why", "4Qb1", "--log", str(tmp_path / "log"))
    assert any(word in told for word in ("later_reason", "later", "Delivery: x"))


NATIVE = [
    ("reject reason=forged because=form", "The key in it names nobody"),
    ("reject reason=forged because=unknown_user", "The application's source does not know the user"),
    ("reject reason=forged because=checksum", "The source knows the user, but another secret"),
    ("reject reason=forged because=user_disabled", "The application has disabled its user"),
    ("reject reason=forged because=handler", "The application has disabled what the address is for"),
    ("defer reason=store_unavailable because=source", "Whether the application made it can't be told now"),
    ("reject reason=expired", "its application no longer takes it either"),
]


@pytest.mark.parametrize("told,words", NATIVE)
def test_an_applications_own_address_has_words_of_its_own(shell: Shell, tmp_path: Path, told: str, words: str) -> None:
    """No master key and no store of ours is behind it; of an address of ours they are told."""
    path, line = tmp_path / "log", f"recipient queue=4Qa1 verdict={told} stage=rcpt handler=git class="
    path.write_text(f"{HEAD.format(1)}{line}native client=192.0.2.1\n")
    shown = " ".join(shell.good("why", "192.0.2.1", "--log", str(path)).split())
    assert words in shown and "realm" not in shown and "store did" not in shown
    path.write_text(f"{HEAD.format(1)}{line}wrapped client=192.0.2.1\n")
    ours = shell.good("why", "192.0.2.1", "--log", str(path))
    assert words not in ours or "form" in told or "unknown_user" in told
