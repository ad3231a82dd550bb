"""Ports for replies that wait for the decision of their users."""

from collections.abc import Sequence
from typing import Protocol

from reply_milter.core.delivery.parked import AskedQuestion, Occupied, ParkedReply, Room


class Parking(Protocol):
    """Keeps replies until their user, an operator or time decides. Changes are durable when a method returns."""

    def keep(self, parked: ParkedReply, message: bytes, room: Room) -> bool:
        """Keep one; one that is there already stays as it is. False: there is no room, and it is not kept."""
        ...

    def occupied(self) -> Occupied:
        """Return how much is kept."""
        ...

    def all(self) -> list[ParkedReply]:
        """Return all of them, the oldest first."""
        ...

    def find(self, identifier: str) -> ParkedReply | None:
        """Return one, or None."""
        ...

    def message(self, identifier: str) -> bytes:
        """Return the message of one that exists."""
        ...

    def mark_released(self, *identifiers: str, even_if_revoked: bool = False) -> None:
        """Mark them for handing over: all of them, or none. A later call does not take ``even_if_revoked`` back."""
        ...

    def remove(self, identifier: str) -> bool:
        """Remove one. False: it was not there."""
        ...


class Questions(Protocol):
    """Records what users were asked about parked replies. Changes are durable when a method returns."""

    def put(self, question: AskedQuestion, listed: Sequence[str]) -> None:
        """Put a new question on record. It lists those of ``listed`` that have no question and are not released."""
        ...

    def find(self, identifier: int) -> AskedQuestion | None:
        """Return an open question, or None."""
        ...

    def of(self, user: int) -> list[AskedQuestion]:
        """Return the open questions of a user, the oldest first."""
        ...

    def mark_sent(self, identifier: int, now: int) -> None:
        """Record that the MTA accepted the question at ``now``, Unix seconds."""
        ...

    def close(self, identifier: int) -> None:
        """Remove a question that was answered."""
        ...

    def silence(self, token_id: str, until: int) -> None:
        """Send no question about this address until ``until``, Unix seconds."""
        ...

    def silenced(self, now: int) -> set[str]:
        """Return the token ids of addresses that are silenced at ``now``."""
        ...

    def forget(self, now: int) -> None:
        """Remove questions that list no reply, and silences that end by ``now``."""
        ...


class ParkingRoom(Protocol):
    """Asked before the milter accepts a reply that would be parked: without room, its client keeps it."""

    def is_there(self, user: int, octets: int, identifier: str) -> bool:
        """Whether there is room for this reply, of ``octets``, to this user. True if that can't be read.

        The reply then has its place for a while, until it is parked.
        """
        ...

    def leave(self, identifier: str) -> None:
        """Give the place of a reply back that is not parked after all; nothing happens if it has none."""
        ...
