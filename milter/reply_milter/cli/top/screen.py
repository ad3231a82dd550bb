"""A terminal that is drawn again and again: its second screen, keys without Return, and all undone at the end."""

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType, TracebackType

# The second screen, without the cursor and without DECAWM: in a narrow window, the end of a line is cut off.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """Use it as a context manager. Standard input and output are a terminal."""

    def __enter__(self) -> "Screen":
        self._before = termios.tcgetattr(sys.stdin)
        for number in (signal.SIGTERM, signal.SIGHUP):  # so that ``__exit__`` runs
            signal.signal(number, signal.default_int_handler)
        signal.signal(signal.SIGTSTP, self._stop)
        self._enter()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._leave()

    @property
    def rows(self) -> int:
        """Its lines."""
        return max(3, shutil.get_terminal_size().lines)

    def draw(self, lines: Sequence[str]) -> None:
        """Show ``lines`` in place of what is there; they fit already."""
        shown = f"{_REST_OF_LINE}\n".join(lines[: self.rows])
        sys.stdout.write(f"{_HOME}{shown}{_REST_OF_LINE}{_REST_OF_SCREEN}")
        sys.stdout.flush()

    def key(self, seconds: float) -> str:
        """Wait for a key for at most ``seconds``; return it, or an empty text. A closed terminal says ``q``."""
        ready, _, _ = select.select([sys.stdin], [], [], max(0.0, seconds))
        if not ready:
            return ""
        return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") or "q"

    def _enter(self) -> None:
        tty.setcbreak(sys.stdin)
        sys.stdout.write(_ENTER)
        sys.stdout.flush()

    def _leave(self) -> None:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Give the terminal back while this program is stopped, as by Ctrl-Z."""
        self._leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()
