"""What ``top`` looks at: the daemon's pages, and its log."""

import os
import time
from collections import deque
from collections.abc import Callable

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.file_facts import facts
from reply_milter.adapters.os.followed_log import FollowedLog
from reply_milter.adapters.os.journal import JournalError
from reply_milter.adapters.telemetry.log_lines import LogLine, read_line
from reply_milter.adapters.telemetry.page_reader import PageAddress, PageError, read_metrics, read_readiness
from reply_milter.cli.top.look import Window, look_of
from reply_milter.cli.top.page import Page, is_decision
from reply_milter.cli.top.state import State, silent, state_of
from reply_milter.config import Config

_KEPT = 500  # decisions
_BEFORE = 200  # lines of the log from before the start


class Watch:
    """Looks at the daemon again and again. ``open_log``: follows its log, from so many of its last lines on."""

    def __init__(self, config: Config, open_log: Callable[[int], FollowedLog]) -> None:
        self._at, self._open_log = _address(config), open_log
        self._window: Window | None = None
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._clock = WallClock()
        self._note = _note(config)
        self._log: FollowedLog | None = None
        try:
            self._log = open_log(_BEFORE)
        except JournalError as error:  # counts are of use without it
            self._note = f"no decisions are shown: {error}"

    def look(self) -> Page:
        """Return the page as it is now."""
        state = self._state()
        if self._log is not None:
            read = (read_line(entry.text, entry.unix) for entry in self._log.look())
            self._lines.extend(line for line in read if is_decision(line))
            if self._log.has_ended():
                self._log.close()
                self._log = self._open_log(0)
        return Page(state, self._window, list(self._lines), self._note, self._clock.now())

    def close(self) -> None:
        """End what reads the log."""
        if self._log is not None:
            self._log.close()

    def _state(self) -> State:
        if not self._at.port:
            return silent("the configuration has no metrics page ([metrics] listen), so nothing is known of the daemon")
        try:
            samples, problems = read_metrics(self._at), read_readiness(self._at)
        except PageError as error:
            self._window = None
            return silent(f"{self._at}: {error}")
        if self._window is None:
            self._window = Window()
        self._window.add(look_of(samples, time.monotonic()))
        return state_of(samples, problems, self._clock.now())


def _address(config: Config) -> PageAddress:
    page, folder = config.metrics, facts(config.state_dir)
    owner = folder.owner if folder.there else None
    return PageAddress(*page.listen, page.tls_cert, page.user, page.password_file, owner)


def _note(config: Config) -> str:
    """Return why there may be no decisions to show."""
    if config.log.level in ("warning", "error"):
        return f'no decisions are logged: [log] level is "{config.log.level}"'
    return "no decision yet" if os.geteuid() == 0 else "no decision yet, or none that this user may read"
