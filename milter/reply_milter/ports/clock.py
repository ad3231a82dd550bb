"""The time."""

from typing import Protocol


class Clock(Protocol):
    """The time, in whole Unix seconds."""

    def now(self) -> int:
        """Now."""
        ...
