"""Tell log and metrics how a source is, the log only when that changes."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)
# Whether the source gives answers, and when its file changed (Unix seconds; 0: no file).
Told = Callable[[bool, float], None]


class Health:
    """How one source is. ``name``: for the log; ``told``: hears of each look.

    Without ``told``, as in a command, nobody hears of anything, and nothing is logged.
    """

    def __init__(self, name: str, told: Told | None) -> None:
        self._name = name
        self._told = told
        self._problem: str | None = None

    def note(self, problem: str, good: str, changed: float = 0.0) -> None:
        """Note a look. ``problem``: why there are no answers, empty where there are; ``good``: what to log then."""
        if self._told is None:
            return
        self._told(not problem, changed)
        if problem != self._problem:
            self._problem = problem
            log.log(logging.WARNING if problem else logging.INFO, "native source %s: %s", self._name, problem or good)
