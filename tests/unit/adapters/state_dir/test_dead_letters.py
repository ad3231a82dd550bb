"""Dead letters as files: an unreadable folder is reported, never shown as empty."""

from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.dead_letters import DeadLetterFolder
from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.seal.sealed_reply import Undeliverable

LETTER = DeadLetter("a" * 26, Undeliverable.SEAL_MISSING, "", "", None, "a@example.org", "b@example.org", 1)


def test_a_folder_that_is_not_there_yet_holds_none(tmp_path: Path) -> None:
    """It is made with the first letter."""
    folder = DeadLetterFolder(str(tmp_path / "dead"))
    assert folder.all() == []
    folder.keep(LETTER, b"x")
    assert folder.all() == [LETTER]


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    """An empty list would tell the operator that there are none."""
    (tmp_path / "dead").write_text("no folder")
    with pytest.raises(NotADirectoryError):
        DeadLetterFolder(str(tmp_path / "dead")).all()


def test_what_somebody_else_left_there_is_passed_over(tmp_path: Path) -> None:
    """By its name, or by what it holds."""
    folder = DeadLetterFolder(str(tmp_path))
    folder.keep(LETTER, b"x")
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / f"{'b' * 26}.json").write_text("[]")
    assert folder.all() == [LETTER]
