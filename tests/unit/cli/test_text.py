"""``text``: which lines of a reply are kept; without an installation."""

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from reply_milter.cli import main
from tests.support.shell import Shell

_REPLY = (
    "From: Jane <jane@example.org>\nSubject: Re: Which colour?\nContent-Type: text/plain; charset=utf-8\n\n"
    "Blue, please.\n\nOn Mon, 23 Nov 2026 11:00, Shop <shop@example.com> wrote:\n> Which colour?\n\n-- \nJane\n"
)
_SHOWN = """\
kept         Blue, please.

attribution  On Mon, 23 Nov 2026 11:00, Shop <shop@example.com> wrote:
quote        > Which colour?

signature    --
signature    Jane

lines: kept 1, attribution 1, quote 1, signature 2
"""


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """No installation at all."""
    return Shell(tmp_path / "nothing", capsys)


def _file(folder: Path, octets: bytes) -> str:
    path = folder / "reply.eml"
    path.write_bytes(octets)
    return str(path)


def test_each_line_stands_behind_what_it_was_taken_for(bare: Shell, tmp_path: Path) -> None:
    """In words, so that no colour is needed."""
    assert bare.good("text", _file(tmp_path, _REPLY.encode())) == _SHOWN


def test_json_has_what_an_application_gets(bare: Shell, tmp_path: Path) -> None:
    """Three members, and the flaws by their words."""
    told = json.loads(bare.good("text", "--json", _file(tmp_path, _REPLY.encode() + b"\xe9\n")))
    assert told.keys() == {"stripped", "text", "flaws"}
    assert (told["stripped"], told["flaws"]) == ("Blue, please.", ["charset_guessed"])
    assert told["text"].startswith("Blue, please.\n\nOn Mon")


def test_flaws_and_an_empty_result_are_told(bare: Shell, tmp_path: Path) -> None:
    """With what an application does then."""
    out = bare.good("text", _file(tmp_path, b"From: a@b.example\n\n> caf\xe9\n"))
    assert out.splitlines()[-1] == (
        "lines: quote 1; flaws: charset_guessed; nothing is kept: an application posts the text"
    )
    assert bare.good("text", _file(tmp_path, b"From: a@b.example\n\n")).splitlines()[-1].startswith("lines: no text;")


def test_the_marker_is_named_on_the_command_line(bare: Shell, tmp_path: Path) -> None:
    """It begins with dashes, as most do."""
    path = _file(tmp_path, b"From: a@b.example\n\nYes.\n\n-- reply above --\nq\n")
    assert "\nmarker       -- reply above --\nmarker       q\n" in bare.good(
        "text", "--marker", "-- reply above --", path
    )


def test_standard_input_is_read(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """For - , as with other commands."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(_REPLY.encode())))
    assert bare.good("text", "-") == _SHOWN


@pytest.mark.parametrize(
    "octets,words",
    [
        (b"", "no header field"),
        (b"Just some words.\n\nAnd more.\n", "no header field"),
        (b"%PDF-1.7\n", "no header field"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "Outlook's .msg"),
    ],
)
def test_what_is_no_message_is_refused_with_what_to_do(bare: Shell, tmp_path: Path, octets: bytes, words: str) -> None:
    """Data errors, one line each."""
    status, err = bare.refused("text", _file(tmp_path, octets))
    assert status == os.EX_DATAERR
    assert words in err and ".eml" in err


def test_a_file_that_is_missing_is_an_error(bare: Shell, tmp_path: Path) -> None:
    """Missing input, and a folder."""
    for name in ("missing.eml", ""):
        status, err = bare.refused("text", str(tmp_path / name))
        assert status == os.EX_NOINPUT and str(tmp_path) in err


def test_a_file_without_an_end_is_no_message(bare: Shell) -> None:
    """A device named by mistake fills no memory."""
    status, err = bare.refused("text", "/dev/zero")
    assert status == os.EX_DATAERR and "longer than 256 MB" in err


def _run(path: str, *, terminal: bool, **environment: str) -> bytes:
    """What the command writes, to a terminal or into a pipe."""
    command = [sys.executable, "-m", "reply_milter", "text", path]
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    variables |= {"REPLY_MILTER_CONFIG": "/nonexistent.toml", "TERM": "xterm"} | environment
    if not terminal:
        return subprocess.run(command, capture_output=True, env=variables, cwd="/", check=True).stdout
    ours, theirs = os.openpty()
    try:
        subprocess.run(command, stdout=theirs, env=variables, cwd="/", check=True)
        return os.read(ours, 1 << 16).replace(b"\r\n", b"\n")
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_shows_what_is_kept_in_bold(tmp_path: Path) -> None:
    """And the rest faint; the words stand there all the same."""
    path = _file(tmp_path, _REPLY.encode())
    shown = _run(path, terminal=True)
    assert b"\x1b[1mkept         Blue, please.\x1b[0m\n" in shown
    assert b"\x1b[2mquote        > Which colour?\x1b[0m\n" in shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_declined(tmp_path: Path, environment: dict[str, str]) -> None:
    """By NO_COLOR, and where the terminal has none; a pipe never has any."""
    path = _file(tmp_path, _REPLY.encode())
    assert _run(path, terminal=True, **environment) == _run(path, terminal=False) == _SHOWN.encode()


def test_a_terminal_is_sent_no_controls(tmp_path: Path) -> None:
    """Escapes, bells, direction: whatever the message holds, into a pipe as well."""
    body = "\x1b]0;mine\x07 \u202eevil\u2028 \x9b2J\ttab caf\u00e9\n"
    path = _file(tmp_path, f"From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\n{body}".encode())
    for terminal in (False, True):
        shown = _run(path, terminal=terminal, NO_COLOR="1").decode()
        assert [mark for mark in shown if not mark.isprintable() and mark != "\n"] == []
        assert "caf\u00e9" in shown and "evil" in shown


def test_a_terminal_without_utf8_is_no_error(tmp_path: Path) -> None:
    """What it can't show is a question mark."""
    path = _file(tmp_path, "From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\ncaf\u00e9\n".encode())
    assert b"kept         caf?\n" in _run(path, terminal=False, PYTHONIOENCODING="ascii")


def test_no_settings_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, store, or network: the file that is named is all that is opened."""
    opened: list[str] = []
    path = _file(tmp_path, _REPLY.encode())
    real = Path.open

    def noted(self: Path, *how: Any, **more: Any) -> Any:
        opened.append(str(self))
        return real(self, *how, **more)

    monkeypatch.setattr(Path, "open", noted)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it connected"))
    monkeypatch.setattr("tomllib.loads", lambda *_: pytest.fail("it read settings"))
    assert main(["text", path]) == os.EX_OK
    assert [name for name in opened if not name.endswith("applications.toml")] == [path]  # our own, as for --help
