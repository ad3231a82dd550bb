"""What the daemon may not use of its state folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.rights import unusable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
_NOBODY = 65534


@contextmanager
def _as_nobody() -> Iterator[None]:
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def place() -> Iterator[Path]:
    """One that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-rights-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def folder(place: Path) -> Path:
    """A folder as a daemon leaves it that ran as nobody."""
    state = place / "state"
    for name in ("", "delivery", "redis/appendonlydir", "wrapped", "metrics"):
        (state / name).mkdir(mode=0o700, parents=True)
    for name in ("lock", "store-marks.json", "revocations.journal", "delivery/held", "redis/appendonlydir/a", "notes"):
        (state / name).touch(0o600)
    for path in (state, *state.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY)
    return state


def _unusable(folder: Path) -> list[str]:
    with _as_nobody():
        return sorted(str(path.relative_to(folder)) for path in unusable(folder))


def test_its_own_files_are_all_right(folder: Path) -> None:
    """And so are names that are not there."""
    assert _unusable(folder) == []


@pytest.mark.parametrize(
    "name", ["lock", "store-marks.json", "revocations.journal", "delivery", "delivery/held", "redis/appendonlydir/a"]
)
def test_another_users_file_is_named(folder: Path, name: str) -> None:
    """At any depth; of a folder that can't be entered, the folder."""
    os.chown(folder / name, 0, 0)
    assert _unusable(folder) == [name]


def test_a_file_that_can_be_read_and_not_written_is_named(folder: Path) -> None:
    """The daemon would fail when it first writes there."""
    os.chown(folder / "revocations.journal", 0, 0)
    (folder / "revocations.journal").chmod(0o644)
    assert _unusable(folder) == ["revocations.journal"]


def test_what_no_daemon_made_is_the_operators(folder: Path) -> None:
    """It keeps nobody from starting."""
    os.chown(folder / "notes", 0, 0)
    assert _unusable(folder) == []


def test_the_folder_itself(folder: Path) -> None:
    """Nothing else can be known."""
    os.chown(folder, 0, 0)
    assert _unusable(folder) == ["."]


def test_links_lead_nowhere_but_at_the_top(folder: Path, place: Path) -> None:
    """A folder may lie on another disk; a circle ends."""
    (folder / "delivery").rename(place / "elsewhere")
    (folder / "delivery").symlink_to(place / "elsewhere")
    (place / "elsewhere/circle").symlink_to(place / "elsewhere")
    assert _unusable(folder) == []
    os.chown(place / "elsewhere/held", 0, 0)
    with _as_nobody():
        assert unusable(folder) == [place / "elsewhere/held"]
