"""Words that ``demo`` prints: the program as the reader can call it, and replies as fields."""

import sys
from pathlib import Path

import pytest

from reply_milter.cli.demo.printing import program, reply_lines

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
