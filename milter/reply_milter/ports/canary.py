"""Ports of the canary: a milter client of its own, and its telemetry."""

from enum import StrEnum
from typing import Protocol


class MilterUnreachableError(Exception):
    """The milter gave no answer, a late one, or one that breaks the protocol. The message says which."""


class MilterClient(Protocol):
    """One connection to the milter, as an MTA makes it. ``recipient`` raises MilterUnreachableError."""

    def recipient(self, address: str) -> str:
        """Ask about one recipient, and abort the transaction. Returns the refusal; empty if it is accepted."""
        ...

    def close(self) -> None:
        """Close the connection. Raises nothing."""
        ...


class CanaryFailure(StrEnum):
    """Why a canary failed. A bounded set, for metrics."""

    UNREACHABLE = "unreachable"  # no worker answers at the socket in time
    REFUSED = "refused"  # a genuine address got 5xx: keys, clock or configuration
    DEFERRED = "deferred"  # a genuine address got 4xx: the store, or an internal error
    FORGED_ACCEPTED = "forged_accepted"  # a forged address was accepted
    FORGED_DEFERRED = "forged_deferred"  # an internal error
    INTERNAL = "internal"  # the canary itself failed


class CanaryTelemetry(Protocol):
    """Counts and logs canaries."""

    def succeeded(self, now: int) -> None:
        """Both addresses got the right answer, at ``now``, Unix seconds."""
        ...

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """An address got a wrong answer, or none. ``detail``: for the log."""
        ...
