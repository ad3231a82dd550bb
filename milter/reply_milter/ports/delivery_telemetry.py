"""What is counted and logged of deliveries. Labels are bounded sets, never client text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class DeliveryEvent(StrEnum):
    """What became of a delivery, for log and metrics."""

    DELIVERED = "delivered"
    REPEATED = "again"  # it was delivered before
    DEFERRED = "deferred"
    PARKED = "parked"
    RELEASED = "released"
    DISCARDED = "discarded"
    IGNORED = "ignored"  # it came to an address that answers a question, and is no answer
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one reply. Never an address. ``why`` in words, ``handler`` empty for what nothing vouches for."""

    outcome: DeliveryEvent
    handler: str = ""
    id: str = ""
    queue_id: str = ""
    reason: str = ""
    why: str = ""


class TurnedAway(StrEnum):
    """Why the MTA is told to come again before a message is looked at."""

    BUSY = "busy"  # its handler's places are all taken
    OCTETS = "octets"  # there are too many octets on their way


class IntakeTelemetry(Protocol):
    """Counts and logs what waits in front of the deliveries."""

    def turned_away(self, handler: str, why: TurnedAway) -> None:
        """A message to ``handler``, "" for none that we know, is left with the MTA."""
        ...

    def in_flight(self, octets: int) -> None:
        """So many octets of messages are being received or delivered."""
        ...


class DeliveryTelemetry(Protocol):
    """Counts and logs deliveries."""

    def delivery(self, report: DeliveryReport) -> None:
        """One reply was delivered, or not."""
        ...

    def parked(self, count: int, octets: int) -> None:
        """So many replies are parked now, whose messages have so many octets."""
        ...

    def not_asked(self, identifier: str, why: str) -> None:
        """The user on file could not be asked about a parked reply; it is tried again."""
        ...

    def internal_error(self) -> None:
        """An exception of a handler, or of ours, was caught: the one that is being handled."""
        ...
