"""Files that are replaced at once, and files that may be something else."""

import os
import stat
from pathlib import Path

import pytest

from reply_milter import files


def test_a_new_file_is_ours_alone(tmp_path: Path) -> None:
    """Whatever the umask lets others read."""
    path = tmp_path / "new"
    before = os.umask(0)
    try:
        files.replace(path, b"\x00whole\xff")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"\x00whole\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["new"]


def test_mode_and_owner_of_another_are_kept(tmp_path: Path) -> None:
    """Root gives it to its owner; anybody else can't."""
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1, 1)
    before = path.stat()
    files.replace(path, b"new", like=path)
    after = path.stat()
    assert path.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    path = tmp_path / "old"
    path.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old"]


def test_a_pipe_without_a_writer_is_open_at_once(tmp_path: Path) -> None:
    """``open`` alone would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "pipe", "rb", opener=files.without_waiting) as file:
        assert file.read(1) in (b"", None)
