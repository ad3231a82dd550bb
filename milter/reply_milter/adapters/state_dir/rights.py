"""Find what this process may not use of what the daemon keeps in ``state_dir``.

A restored backup, a purged package or a command of another user can leave files there that belong to somebody else. The
daemon would not know what it once knew: which addresses are revoked, which replies were delivered.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from reply_milter.adapters.state_dir import loss_record, revocation_journal, wrapped_mark

_NAMES = (
    "lock", "metrics", "redis", "delivery", "dead-letters", loss_record.NAME, revocation_journal.NAME, wrapped_mark.NAME
)  # fmt: skip
_MOST = 100_000  # dead letters may be many, and a start must not wait for them


def unusable(folder: Path) -> list[Path]:
    """Return ``folder``, or what is in it and was made by a daemon, if this process may not read and write it.

    Of a folder that it may not enter, nothing below is named.
    """
    if not _may_use(folder):
        return [folder]
    tops = (Path(os.path.realpath(folder / name)) for name in _NAMES)
    found = (path for top in tops if top.exists() for path in _tree(top))
    return [path for path in islice(found, _MOST) if not _may_use(path)]


def _tree(path: Path) -> Iterator[Path]:
    """Yield ``path``, and everything below it that can be looked at. Follows no link."""
    if path.is_symlink():
        return
    yield path
    if path.is_dir() and _may_use(path):
        for name in os.listdir(path):
            yield from _tree(path / name)


def _may_use(path: Path) -> bool:
    wanted = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
    return os.access(path, wanted, effective_ids=True) or not os.path.lexists(path)
