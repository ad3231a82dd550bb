"""Ports of the canary: a milter client of its own, and its telemetry."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from reply_milter.core.mail.edited import HeaderFields
from reply_milter.core.mail.headers import Edit


class MilterUnreachableError(Exception):
    """The milter gave no answer, a late one, or one that breaks the protocol. The message says which."""


class Submitted(NamedTuple):
    """The milter's answer to a message. ``refusal``: of its recipient, or at its end; empty if it is accepted."""

    refusal: str
    edits: tuple[Edit, ...] = ()


class MilterClient(Protocol):
    """One connection to the milter, as an MTA makes it. ``recipient`` raises MilterUnreachableError."""

    def recipient(self, address: str) -> str:
        """Ask about one recipient, and abort the transaction. Returns the refusal; empty if it is accepted."""
        ...

    def close(self) -> None:
        """Close the connection. Raises nothing."""
        ...


class MessageClient(Protocol):
    """The same, for whole messages. ``message`` raises MilterUnreachableError."""

    def message(self, sender: str, recipient: str, fields: HeaderFields, body: bytes) -> Submitted:
        """Ask about a whole message, from MAIL to its end."""
        ...

    def close(self) -> None:
        """Close the connection. Raises nothing."""
        ...


class CanaryFailure(StrEnum):
    """Why a canary failed. A bounded set, for metrics."""

    UNREACHABLE = "unreachable"  # no worker answers at a socket in time
    NOT_WRAPPED = "not_wrapped"  # a notification was refused, or left with the application's own address
    REFUSED = "refused"  # a genuine address got 5xx: keys, clock or configuration
    DEFERRED = "deferred"  # a genuine address got 4xx: the store, or an internal error
    NOT_RESTORED = "not_restored"  # the hook could not give the reply back: seal keys, or an internal error
    FORGED_ACCEPTED = "forged_accepted"  # a forged address was accepted
    FORGED_DEFERRED = "forged_deferred"  # an internal error
    SOURCE = "source"  # the source of an application's users does not know the canary's, or gives no answer
    INTERNAL = "internal"  # the canary itself failed


_OF_WRAPPING = (CanaryFailure.NOT_WRAPPED, CanaryFailure.NOT_RESTORED)
_OF_FORGING = (CanaryFailure.FORGED_ACCEPTED, CanaryFailure.FORGED_DEFERRED)
NATIVE_FAILURES = tuple(failure for failure in CanaryFailure if failure not in _OF_WRAPPING)
PLAIN_FAILURES = tuple(failure for failure in NATIVE_FAILURES if failure is not CanaryFailure.SOURCE)
WRAPPED_FAILURES = tuple(
    failure for failure in CanaryFailure if failure not in _OF_FORGING and failure is not CanaryFailure.SOURCE
)


class CanaryTelemetry(Protocol):
    """Counts and logs canaries."""

    def succeeded(self, now: int) -> None:
        """Everything got the right answer, at ``now``, Unix seconds."""
        ...

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """Something got a wrong answer, or none. ``detail``: for the log."""
        ...
