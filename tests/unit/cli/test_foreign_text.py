"""What clients wrote does nothing to the terminal of who looks at it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.dead_letters import DeadLetterFolder
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.init import write_files
from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.seal.sealed_reply import Undeliverable

IDENTIFIER = "a" * 26
MESSAGE = b"From: \x1b]0;mine\x07\r\nSubject: \xc2\x9b31mred \xff\r\n\r\n"
MESSAGE += b"\x1b[2J\x00\x7f\ttab \x9b\xc2\x85\r\n\xe2\x82\xac\r\n"
SENDER = "a\x1b[31m\n\u202e\udcffb@evil.example"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An installation with one dead letter of a hostile sender."""
    write_files(tmp_path, "reply.example.com", "example", str(tmp_path / "state"))
    path = tmp_path / "reply-milter.toml"
    folder = tmp_path / "letters"
    listen = f'listen = "unix:{tmp_path}/lmtp.sock"'
    path.write_text(f'{path.read_text()}[delivery]\n{listen}\ndead_letters = "{folder}"\n')
    (tmp_path / "state").mkdir()
    letter = DeadLetter(
        id=IDENTIFIER, reason=Undeliverable.REFUSED, detail="\x1bc", handler="issue", user=42, sender=SENDER,
        recipient="\x9b@example.com", since=0,
    )  # fmt: skip
    DeadLetterFolder(str(folder)).keep(letter, MESSAGE)
    return path


def _command(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "reply_milter", "deadletter", *words, "--config", str(config)]


def _on_a_terminal(command: list[str]) -> bytes:
    """What a terminal would be sent."""
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, cwd="/")
        assert (done.returncode, done.stderr) == (0, b"")
        return os.read(ours, 1 << 16)
    finally:
        os.close(ours)
        os.close(theirs)


def _into_a_pipe(command: list[str]) -> bytes:
    """What another program would be sent: most often a pager, that shows it."""
    return subprocess.run(command, capture_output=True, cwd="/", check=True).stdout


@pytest.mark.parametrize("shown_by", [_on_a_terminal, _into_a_pipe])
def test_a_terminal_is_sent_no_controls(config: Path, shown_by: Callable[[list[str]], bytes]) -> None:
    """In the list, the envelope, and the text."""
    for words in (("list",), ("show", IDENTIFIER)):
        shown = shown_by(_command(config, *words)).replace(b"\r\n", b"\n")
        assert [octet for octet in shown if octet < 32 and octet not in b"\n\t"] == []
        assert b"\x7f" not in shown and b"\xc2\x9b" not in shown and b"\xe2\x80\xae" not in shown
        assert b"refused" in shown
    assert b"sender:    <a?[31m???b@evil.example>\n" in shown
    assert b"?[2J??\ttab ??\n\xe2\x82\xac\n" in shown


def test_the_message_as_it_is_has_to_be_asked_for(config: Path) -> None:
    """For verify-header and the like, and then there is nothing else."""
    assert _into_a_pipe(_command(config, "show", "--raw", IDENTIFIER)) == MESSAGE


@pytest.mark.parametrize("text", ["jane@example.org", "Jürgen Müller", "日本", "a b", ""])
def test_what_people_write_is_shown(text: str) -> None:
    """In any script."""
    assert printable(text) == text
