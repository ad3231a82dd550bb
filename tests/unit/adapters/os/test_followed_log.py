"""A log as it grows: whole lines, each once, through rotations, and of a flood the newest."""

import os
from pathlib import Path

import pytest

from reply_milter.adapters.os.followed_log import FollowedFile, Lines


def followed(path: Path, before: int = 0) -> FollowedFile:
    """Follow a file."""
    return FollowedFile(str(path), before)


def texts(log: FollowedFile) -> list[str]:
    """What came since the last look."""
    return [entry.text for entry in log.look()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with three lines."""
    found = tmp_path / "log"
    found.write_text("one\ntwo\nthree\n")
    return found


def test_lines_come_whole_and_once(path: Path) -> None:
    """From the last ones on that were asked for; half a line waits for its end."""
    log = followed(path, 2)
    assert texts(log) == ["two", "three"]
    with open(path, "a") as file:
        file.write("four\nfi")
        file.flush()
        assert texts(log) == ["four"]
        file.write("ve\n")
    assert texts(log) == ["five"]
    assert texts(log) == []
    log.close()


def test_without_a_history_only_what_is_new_comes(path: Path) -> None:
    """No line from before."""
    log = followed(path)
    assert texts(log) == []
    with open(path, "a") as file:
        file.write("four\n")
    assert texts(log) == ["four"]
    log.close()


def test_a_rotated_log_is_followed(path: Path) -> None:
    """Its last lines first, then the new file's; also while no file has the name."""
    log = followed(path)
    with open(path, "a") as file:
        file.write("four\n")
    path.rename(path.with_suffix(".1"))
    assert texts(log) == ["four"]
    path.write_text("five\n")
    assert texts(log) == ["five"]
    log.close()


def test_an_emptied_log_is_read_from_its_start(path: Path) -> None:
    """As logrotate's copytruncate leaves it."""
    log = followed(path)
    os.truncate(path, 0)
    with open(path, "a") as file:
        file.write("new\n")
    assert texts(log) == ["new"]
    log.close()


def test_of_a_flood_the_newest_lines_are_kept(path: Path) -> None:
    """And little memory: a screen shows fifty."""
    log = followed(path)
    with open(path, "a") as file:
        file.writelines(f"{number}\n" for number in range(50_000))
    found = texts(log)
    assert len(found) == 1000 and found[-1] == "49999"
    log.close()


def test_a_long_history_is_not_read(path: Path) -> None:
    """Only its end; and the first line of that, which may be half a line, is left out."""
    with open(path, "a") as file:
        file.writelines(f"line {number:08}\n" for number in range(100_000))
    log = followed(path, 500)
    assert texts(log) == [f"line {number:08}" for number in range(99_500, 100_000)]
    log.close()


def test_a_line_without_an_end_is_bounded() -> None:
    """Whoever writes the log must not fill our memory."""
    lines = Lines()
    for _ in range(100):
        assert list(lines.of(iter([b"x" * 100_000]))) == []
    (found,) = lines.of(iter([b"\n"]))
    assert len(found) <= 1 << 17


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """A pipe would give its lines to us alone."""
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(OSError, match=str(path)):
        followed(path)
