"""The clock."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time in whole Unix seconds."""

    def now(self) -> int:
        """Return the current time."""
        ...
