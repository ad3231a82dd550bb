"""The marks of the store: only a missing file is a first start."""

import os
import tempfile
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.loss_record import NAME, LossRecordError, read_record, write_record
from reply_milter.core.epoch import Mark


def test_a_missing_file_is_a_first_start(tmp_path: Path) -> None:
    """Nothing is known, under a host name that no other has."""
    first, second = read_record(tmp_path), read_record(tmp_path)
    assert not first.marks and not first.is_open
    assert first.host != second.host


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", "null", "7", '{"host": "h"}', '{"host": "h", "marks": [], "lost_at": 0, "put_back_at": 0}',
        '{"host": "h", "marks": {"0": ["m", "x"]}, "lost_at": 0, "put_back_at": 0}', "[" * 100_000, "\ud800",
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_an_error(tmp_path: Path, text: str) -> None:
    """It may have known of revocations."""
    (tmp_path / NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(LossRecordError, match=f"{NAME}: is damaged") as refused:
        read_record(tmp_path)
    assert refused.value.damaged


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    """With the words of the system."""
    (tmp_path / NAME).mkdir()
    with pytest.raises(LossRecordError, match="Is a directory") as refused:
        read_record(tmp_path)
    assert not refused.value.damaged


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_file_is_an_error() -> None:
    """As a purged package, or a backup that root brought back, left it."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-marks-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # pytest's own folders are closed to others
        write_record(folder, read_record(folder).seen({"0": Mark("m", 3)}))
        os.seteuid(65534)
        try:
            with pytest.raises(LossRecordError, match=f"{NAME}: Permission denied") as refused:
                read_record(folder)
        finally:
            os.seteuid(0)
    assert not refused.value.damaged
