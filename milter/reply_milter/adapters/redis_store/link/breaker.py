"""A circuit breaker: a server that is dead costs nobody a time-out, once that is known."""

LIMIT = 3  # failures in a row
OPEN_SECONDS = 0.5  # from one trial to the next


class Breaker:
    """Counts failures in a row. All times are monotonic seconds.

    Only what began after the last failure was known counts as another one: a stall that thirty threads meet at once
    is one sign and not thirty, so that a server which is slow for a moment, and answers, does not open it.

    Not locked: threads that meet may let two trials through where one was meant, or miss a failure.
    """

    __slots__ = ("_known", "_trial", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self._known = float("-inf")
        self._trial = 0.0

    def admits(self, now: float) -> bool:
        """Whether to try. While it is open, one may in OPEN_SECONDS, whatever becomes of it."""
        if self.failures < LIMIT:
            return True
        if now < self._trial:
            return False
        self._trial = now + OPEN_SECONDS
        return True

    def failed(self, began: float, now: float) -> bool:
        """No answer to what ``began`` then. Whether that has opened it."""
        if began < self._known:
            return False
        self._known = now
        self.failures += 1
        if self.failures == LIMIT:
            self._trial = now + OPEN_SECONDS
        return self.failures >= LIMIT

    def answered(self) -> None:
        """It answers: nothing is held against it any more."""
        self.failures = 0
