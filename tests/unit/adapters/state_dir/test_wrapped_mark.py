"""That a wrapped notification has left is known to all workers, and after a restart."""

import logging
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.wrapped_mark import NAME, WrappedMark, noted


def test_what_was_noted_is_known_everywhere(tmp_path: Path) -> None:
    """To those who asked before, too; of this handler alone."""
    signing, verifying = WrappedMark(tmp_path), WrappedMark(str(tmp_path))
    assert not verifying.has_left(20)
    signing.note(20)
    signing.note(20)
    assert verifying.has_left(20) and signing.has_left(20) and WrappedMark(tmp_path).has_left(20)
    assert not verifying.has_left(2)


def test_a_process_asks_no_more_once_it_knows(tmp_path: Path) -> None:
    """Neither reads nor writes: what was taken away under it does not come back."""
    mark = WrappedMark(tmp_path)
    mark.note(20)
    (tmp_path / "wrapped/20").unlink()
    mark.note(20)
    assert mark.has_left(20) and not WrappedMark(tmp_path).has_left(20)


def test_a_folder_that_cannot_be_made_harms_no_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told once, and tried again."""
    (tmp_path / "wrapped").write_text("")
    mark = WrappedMark(tmp_path)
    with caplog.at_level(logging.WARNING):
        mark.note(20)
        mark.note(20)
    assert len(caplog.records) == 1 and not mark.has_left(20)
    (tmp_path / "wrapped").unlink()
    mark.note(20)
    assert mark.has_left(20)


def test_a_command_reads_what_is_noted(tmp_path: Path) -> None:
    """Nothing yet; then the numbers; and that it can't be known where the folder can't be read."""
    assert noted(tmp_path) == frozenset()
    for number in (20, 7):
        WrappedMark(tmp_path).note(number)
    (tmp_path / NAME / "lost+found").mkdir()
    assert noted(tmp_path) == frozenset({7, 20})
    (tmp_path / "file").touch()
    assert noted(tmp_path / "file") is None
