"""What is remembered of replies that wait for a word of their users."""

from collections.abc import Sequence
from typing import Protocol

from reply_milter.core.delivery.parked import AskedQuestion, Occupied, ParkedReply, Room


class Parking(Protocol):
    """Keeps replies until somebody decides about them. Everything is durable when a method returns."""

    def keep(self, parked: ParkedReply, message: bytes, room: Room) -> bool:
        """Keep one; one that is there already stays as it is. False: there is no room, and it was not kept."""
        ...

    def occupied(self) -> Occupied:
        """How much is kept."""
        ...

    def all(self) -> list[ParkedReply]:
        """All of them, the oldest first."""
        ...

    def find(self, identifier: str) -> ParkedReply | None:
        """One of them."""
        ...

    def message(self, identifier: str) -> bytes:
        """The message of one that is there."""
        ...

    def mark_released(self, *identifiers: str, whatever_stands: bool = False) -> None:
        """They are to be handed over: all of them, or none. ``whatever_stands`` is not taken back by a later call."""
        ...

    def remove(self, identifier: str) -> bool:
        """Forget one; False if it was not there."""
        ...


class Questions(Protocol):
    """What users were asked about parked replies. Everything is durable when a method returns."""

    def put(self, question: AskedQuestion, listed: Sequence[str]) -> None:
        """Put a new question on record with the replies that it lists: those that none lists, nor are released."""
        ...

    def find(self, identifier: int) -> AskedQuestion | None:
        """One that is open."""
        ...

    def of(self, user: int) -> list[AskedQuestion]:
        """Those of a user that are open, the oldest first."""
        ...

    def mark_sent(self, identifier: int, now: int) -> None:
        """The MTA took it at ``now``, Unix seconds."""
        ...

    def close(self, identifier: int) -> None:
        """It was answered."""
        ...

    def be_silent(self, token_id: str, until: int) -> None:
        """Ask nothing about what comes to this address until then, Unix seconds."""
        ...

    def silent(self, now: int) -> set[str]:
        """The token ids of addresses about which nothing is asked now."""
        ...

    def forget(self, now: int) -> None:
        """Forget questions that list nothing any more, and what was to be kept until ``now``."""
        ...


class ParkingRoom(Protocol):
    """Asked before a reply is taken that is to be parked, so that its client keeps it where there is no room."""

    def is_there(self, user: int, octets: int, identifier: str) -> bool:
        """Whether there is room for this reply, of so many octets, to this user; True where nobody can tell.

        It then has its place for a while, until it is parked.
        """
        ...

    def leave(self, identifier: str) -> None:
        """Give the place of a reply back that is not parked after all; nothing happens if it has none."""
        ...
