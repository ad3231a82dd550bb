"""What ``demo`` prints: the program as the reader can call it, replies as fields, and a table that fits."""

import re
import sys
from pathlib import Path

import pytest

from reply_milter.cli.demo.printing import Printer, program, reply_lines
from reply_milter.cli.terminal import UNLIMITED, Terminal

CALL = {
    "MessageID": "wzy7",
    "Reply": {"user": 42, "handler": "issue", "context": "101", "thread": None, "flaws": ["cut", "charset"]},
    "StrippedTextReply": "Yes.\nIt is \x1b[2Jblue.\n",
}


def test_a_reply_is_printed_as_fields() -> None:
    """One line per field; an empty one as ``-``; the author's text without control characters."""
    assert reply_lines(CALL) == [
        "user:     42",
        "handler:  issue",
        "context:  101",
        "thread:   -",
        "flaws:    cut, charset",
        "text:     Yes.",
        "          It is ?[2Jblue.",
    ]


def test_an_empty_text_is_a_field_too() -> None:
    """A reply of attachments alone has no text."""
    assert reply_lines({**CALL, "StrippedTextReply": ""})[-1] == "text:     -"


def test_the_program_is_named_so_that_a_shell_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its name if PATH leads to it, otherwise by its path; quoted; a module by its interpreter."""
    script = tmp_path / "a b" / "reply-milter"
    script.parent.mkdir()
    script.touch(0o755)
    monkeypatch.setattr(sys, "argv", [str(script), "demo"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == f"'{script}'"
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "reply-milter"
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "reply_milter" / "__main__.py"), "demo"])
    assert program() == f"{sys.executable} -m reply_milter"


def test_a_relative_path_holds_in_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``make demo`` runs ``.venv/bin/reply-milter``; the reader may be in another folder."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/reply-milter").touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", ["bin/reply-milter", "demo"])
    assert program() == f"{tmp_path}/bin/reply-milter"


ROW = (
    "another thread answered",
    "550 5.7.1 This address answers another message; use Reply on that message",
    "posted: user 42, shop/orders/issue/2351, sender mismatch",
)
_SGR = re.compile(r"\x1b\[[0-9]*m")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 146, 200, UNLIMITED])
def test_a_row_fits_and_loses_no_word(capsys: pytest.CaptureFixture[str], width: int) -> None:
    """Each cell is wrapped within its column."""
    Printer(Terminal(width, True)).row(*ROW)
    lines = _SGR.sub("", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= min(width, 150)
    words = " ".join(lines).split()
    assert sorted("".join(words)) == sorted("".join(ROW).replace(" ", ""))


def test_answers_have_their_colour(capsys: pytest.CaptureFixture[str]) -> None:
    """Green for what was accepted, red for what was refused; none where they are declined."""
    Printer(Terminal(UNLIMITED, True)).row("a", "250 2.0.0 Ok", "nothing")
    Printer(Terminal(UNLIMITED, True)).row("a", "550 5.7.1 No", "posted: x")
    Printer(Terminal(UNLIMITED, False)).row("a", "550 5.7.1 No", "posted: x")
    good, bad, plain = capsys.readouterr().out.splitlines()
    assert "\x1b[32m250 2.0.0 Ok\x1b[0m" in good and "\x1b[2mnothing\x1b[0m" in good
    assert "\x1b[31m550 5.7.1 No\x1b[0m" in bad and "\x1b[32mposted: x\x1b[0m" in bad
    assert "\x1b" not in plain


@pytest.mark.parametrize("width", [40, 80])
def test_prose_is_wrapped_and_a_long_field_shows_both_its_ends(capsys: pytest.CaptureFixture[str], width: int) -> None:
    """On a terminal; in a file nothing is cut, so that a program finds the address."""
    address = f"reply+{'a' * 58}@reply.example.com"
    for terminal in (Terminal(width), Terminal()):
        printer = Printer(terminal)
        printer.step(1, "word " * 40, "250 2.0.0 Ok")
        printer.field("Reply-To", address)
    told = capsys.readouterr().out
    cut, whole = (line for line in told.splitlines() if "Reply-To" in line)
    assert len(cut) <= width and cut.startswith("   Reply-To: reply+a") and cut.endswith("com")
    assert whole == f"   Reply-To: {address}"
    assert max(len(line) for line in told.split("Reply-To")[0].splitlines()) <= width
