"""A program: what it gets, and what its exit status means."""

import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.verdict.destination import Command, Format
from reply_milter.ports.delivery import Deliverer
from tests.contract.handlers.given import NAMES, now, reply
from tests.support.hosts.hooked import ID


def program(folder: Path, text: str) -> str:
    """A program of an operator's."""
    path = folder / "take-reply"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def command(path: str, *arguments: str, form: Format = Format.RAW, seconds: int = 5) -> Deliverer:
    """As a configuration would make it."""
    return deliverer_for(Command((path, *arguments), form, seconds), now(), NAMES)


def test_a_command_gets_the_message_and_who_answers_what(tmp_path: Path) -> None:
    """Arguments as they stand, the message on standard input, the rest in the environment."""
    path = program(tmp_path, f'cat > {tmp_path}/message; env > {tmp_path}/env; printf "%s|" "$@" > {tmp_path}/args')
    handed = reply()
    assert command(path, "-x", "a b; $(id)", "").process(handed) == Done()
    assert (tmp_path / "message").read_bytes() == handed.envelope.message
    assert (tmp_path / "args").read_text() == "-x|a b; $(id)||"
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert (told["REPLY_ID"], told["REPLY_USER"], told["REPLY_HANDLER"]) == (ID, "0", "test-endpoint")
    assert told["REPLY_LOCATOR"] == "test/endpoint"
    assert "HOME" not in told, "nothing of the daemon's own environment"


def test_a_command_may_take_json(tmp_path: Path) -> None:
    """The same object as a webhook."""
    path = program(tmp_path, f"cat > {tmp_path}/json")
    assert command(path, form=Format.JSON).process(reply()) == Done()
    assert b'"StrippedTextReply"' in (tmp_path / "json").read_bytes()


@pytest.mark.parametrize(
    "status,handed",
    [(65, Never), (67, Never), (68, Never), (77, Never), (1, Later), (75, Later), (78, Later), (126, Later)],
)
def test_exit_status_of_a_command(tmp_path: Path, status: int, handed: type) -> None:
    """As sysexits.h has them; what is not clearly never is later."""
    found = command(program(tmp_path, f"cat > /dev/null; exit {status}")).process(reply())
    assert isinstance(found, handed)
    assert str(status) in found.why  # type: ignore[union-attr]


def test_a_command_that_does_not_read_is_no_accident(tmp_path: Path) -> None:
    """It ends before the message is written."""
    large = reply()
    large = replace(large, envelope=replace(large.envelope, message=b"x" * 1_000_000))
    assert command(program(tmp_path, "exit 0")).process(large) == Done()


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """Else it might have its effect after we said later."""
    path = program(tmp_path, f"cat > /dev/null; (sleep 2; touch {tmp_path}/late) & sleep 30")
    start = time.monotonic()
    assert isinstance(command(path, seconds=1).process(reply()), Later)
    assert time.monotonic() - start < 4
    time.sleep(2)  # the time in which the child would have had its effect
    assert not (tmp_path / "late").exists()


def test_a_command_that_is_killed_or_missing_is_later(tmp_path: Path) -> None:
    """Somebody repairs it."""
    assert isinstance(command(program(tmp_path, "kill -9 $$")).process(reply()), Later)
    assert isinstance(command(str(tmp_path / "nothing")).process(reply()), Later)
    (tmp_path / "text").write_text("no program")
    assert isinstance(command(str(tmp_path / "text")).process(reply()), Later)
