"""What the canary needs from the world: its own way to the milter's door, and somebody who counts."""

from enum import StrEnum
from typing import Protocol


class MilterUnreachableError(Exception):
    """Nobody answers at the door, not in time, or not as a milter would; the message says how."""


class MilterClient(Protocol):
    """One connection to the milter, as an MTA would make it. Every method may raise DoorClosedError."""

    def recipient(self, address: str) -> str:
        """Ask about one recipient, in a transaction that is given up at once. The refusal, or empty if it is taken."""
        ...

    def close(self) -> None:
        """Say goodbye. Raises nothing."""
        ...


class CanaryFailure(StrEnum):
    """Why a canary did not come back alive: a bounded set, for metrics."""

    UNREACHABLE = "unreachable"  # no worker answers at the socket, or not in time
    REFUSED = "refused"  # a genuine address heard 5xx: keys, clock or configuration
    DEFERRED = "deferred"  # a genuine address heard 4xx: the store, or an error of ours
    FORGED_ACCEPTED = "forged_accepted"  # the worst of all
    FORGED_DEFERRED = "forged_deferred"  # an error of ours
    INTERNAL = "internal"  # the canary itself failed


class CanaryTelemetry(Protocol):
    """Counts and logs canaries."""

    def succeeded(self, now: int) -> None:
        """Both addresses heard what they should, at ``now``, Unix seconds."""
        ...

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """They did not."""
        ...
