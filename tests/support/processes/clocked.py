"""A bound on the processor time of one call: hostile input must not cost more than honest input of its size."""

import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import process_time
from types import FrameType

HOSTILE_OCTETS = 256 * 1024
SECONDS = 0.8
SHORTEST = 0.004  # seconds; below it, the clock and the collector decide


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


def growth(run: Callable[[int], object], small: int, rounds: int = 3) -> float:
    """How many times more processor time ``run`` takes for twice ``small``: about 2 if it is linear.

    The median of several rounds, each of which measures both. What is too short to be measured counts as linear.
    """
    ratios = [_seconds(run, 2 * small) / max(_seconds(run, small), SHORTEST) for _ in range(rounds)]
    return median(ratios)


def _seconds(run: Callable[[int], object], size: int) -> float:
    """Without the collector of cycles: it looks at all that lives, whoever made it."""
    gc.disable()
    try:
        before = process_time()
        run(size)
        return process_time() - before
    finally:
        gc.enable()
