"""A bound on the processor time of one call: hostile input must not cost more than honest input of its size."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HOSTILE_OCTETS = 256 * 1024
SECONDS = 1.5


class TooSlowError(Exception):
    """The bound was passed; what ran was ended."""


@contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raise TooSlowError in what runs for longer than ``seconds`` of this process's own time."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def hostile(piece: str, octets: int = HOSTILE_OCTETS) -> str:
    """``piece``, repeated to so many octets."""
    return piece * (octets // len(piece))
