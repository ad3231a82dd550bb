"""Remember which handlers had a wrapped notification leave: a file for each in ``wrapped/``, named by its number.

All workers share the folder, and it outlives restarts. After a power failure a file may be missing: the next
notification makes it again.
"""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

NAME = "wrapped"


def noted(state_dir: str | Path) -> frozenset[int] | None:
    """The numbers of the handlers that are noted; None where this user may not read that. Changes nothing."""
    try:
        return frozenset(int(name) for name in os.listdir(Path(state_dir) / NAME) if name.isdecimal())
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return None


class WrappedMark:
    """Implements ``ports.WrappedMark``, in ``state_dir``. A process looks for a handler until it has found its file."""

    def __init__(self, state_dir: str | Path) -> None:
        self._folder = Path(state_dir) / NAME
        self._known: set[int] = set()
        self._failed = False

    def note(self, handler_id: int) -> None:
        """See ``ports.WrappedMark``. A folder that can't be written is logged once; mail goes on."""
        if handler_id in self._known:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            os.close(os.open(self._folder / str(handler_id), flags, 0o600))
        except OSError as error:
            if not self._failed:
                log.warning("cannot note that wrapped notifications leave: %s: %s", self._folder, error.strerror)
            self._failed = True
        else:
            self._known.add(handler_id)

    def has_left(self, handler_id: int) -> bool:
        """See ``ports.WrappedMark``."""
        if handler_id not in self._known and (self._folder / str(handler_id)).exists():
            self._known.add(handler_id)
        return handler_id in self._known
