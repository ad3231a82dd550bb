"""Count and log deliveries. Labels are bounded sets, never client text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class DeliveryEvent(StrEnum):
    """What became of a delivery, for log and metrics."""

    DELIVERED = "delivered"
    REPEATED = "again"  # it is done or a dead letter already, and was only committed
    DEFERRED = "deferred"
    PARKED = "parked"
    RELEASED = "released"
    DISCARDED = "discarded"
    IGNORED = "ignored"  # it came to the address of a question, and is no answer
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one reply. Holds no address. ``why``: in words; ``handler``: empty without a good seal.

    ``road``: the ``class`` of its verdict, where its handler is wrapped: it was restored if it was delivered.
    """

    outcome: DeliveryEvent
    handler: str = ""
    id: str = ""
    queue_id: str = ""
    reason: str = ""
    why: str = ""
    road: str = ""


class TurnedAway(StrEnum):
    """Why a message is left with the MTA before it is read."""

    BUSY = "busy"  # all places of its handler are taken
    OCTETS = "octets"  # the messages in memory have too many octets


class IntakeTelemetry(Protocol):
    """Counts and logs messages before they are delivered."""

    def turned_away(self, handler: str, why: TurnedAway) -> None:
        """A message is left with the MTA. ``handler``: "" if its recipient names none."""
        ...

    def in_flight(self, octets: int) -> None:
        """``octets`` of messages are being received or delivered now."""
        ...


class DeliveryTelemetry(Protocol):
    """Counts and logs deliveries."""

    def delivery(self, report: DeliveryReport) -> None:
        """One delivery ended."""
        ...

    def parked(self, count: int, octets: int) -> None:
        """``count`` replies are parked now, with ``octets`` of messages."""
        ...

    def not_asked(self, identifier: str, why: str) -> None:
        """The user on file could not be asked about a parked reply. The hook retries."""
        ...

    def internal_error(self) -> None:
        """The exception that is being handled was caught: a handler's, or an internal one."""
        ...
