"""A circuit breaker: once a server is known to be dead, operations fail at once and wait for no time-out."""

LIMIT = 3  # failures in a row
OPEN_SECONDS = 0.5  # from one attempt to the next


class Breaker:
    """Counts failures in a row, and opens after LIMIT of them. All times are monotonic seconds.

    An operation that began before the last failure was known does not count as another failure: a stall that thirty
    threads meet at once is one sign. So a server that is slow for a moment does not open the breaker.

    It takes no lock: two threads at once may both try an open one, or one of two failures may be missed.
    """

    __slots__ = ("_known", "_trial", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self._known = float("-inf")
        self._trial = 0.0

    def admits(self, now: float) -> bool:
        """Return whether to try the server. While the breaker is open, one operation per OPEN_SECONDS may."""
        if self.failures < LIMIT:
            return True
        if now < self._trial:
            return False
        self._trial = now + OPEN_SECONDS
        return True

    def failed(self, began: float, now: float) -> bool:
        """Count an operation that ``began`` then and got no answer. Return whether the breaker is open."""
        if began < self._known:
            return False
        self._known = now
        self.failures += 1
        if self.failures == LIMIT:
            self._trial = now + OPEN_SECONDS
        return self.failures >= LIMIT

    def answered(self) -> None:
        """Close the breaker: the server answers."""
        self.failures = 0
