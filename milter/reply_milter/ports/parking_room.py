"""Whether the hook can park one more reply."""

from typing import Protocol


class ParkingRoom(Protocol):
    """Asked before a reply is taken that is to be parked, so that its client keeps it where there is no room."""

    def is_there(self, user: int, octets: int) -> bool:
        """Whether there is room for a message of so many octets to this user; True where nobody can tell."""
        ...
