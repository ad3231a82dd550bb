"""Ports of the delivery flow."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.token.verify import Facts
from reply_milter.ports.registry import UserRecord

_T = TypeVar("_T")


class Deliverer(Protocol):
    """Hands replies to an application. A plug-in's entry point makes one, given its settings."""

    @property
    def name(self) -> str:
        """Its ``type`` in the configuration."""
        ...

    @property
    def description(self) -> str:
        """What it does, in a few words for operators."""
        ...

    def process(self, reply: Reply) -> DeliveryOutcome | None:
        """Hand ``reply`` over; None is Done. Several threads call it, also again with the same ``reply.id``.

        An exception is logged, and counts as Later.
        """
        ...


class Progress(StrEnum):
    """How far a reply came."""

    NEW = "new"  # nothing is on record
    TRIED = "tried"  # it was, or is being, handed over
    DONE = "done"  # its handler took it
    DEAD = "dead"  # it is a dead letter, or was discarded


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is on record about a reply. ``first_tried``: Unix seconds, 0 for never."""

    progress: Progress = Progress.NEW
    first_tried: int = 0


class Ledger(Protocol):
    """Records on this host what became of replies, so that no handler gets one twice."""

    def hold(self, identifier: str) -> AbstractContextManager[bool]:
        """Lock a reply for its delivery. False: another thread or process holds it. The lock ends with the process."""
        ...

    def entry(self, identifier: str) -> LedgerEntry:
        """Return what is on record."""
        ...

    def put(self, identifier: str, progress: Progress, now: int, kept_until: int) -> None:
        """Put ``progress`` on record, durably. ``now`` is the first try if there was none. Times in Unix seconds."""
        ...

    def forget(self, now: int) -> None:
        """Remove entries whose ``kept_until`` is before ``now``."""
        ...


class DeadLetters(Protocol):
    """Keeps messages that can't be delivered, for an operator to look at."""

    def keep(self, letter: DeadLetter, message: bytes) -> None:
        """Keep one, durably. It replaces one with the same id.

        Raises:
            OSError: it can't be written.
        """
        ...

    def all(self) -> list[DeadLetter]:
        """Return all of them, the oldest first."""
        ...

    def find(self, identifier: str) -> DeadLetter | None:
        """Return one, or None."""
        ...

    def message(self, identifier: str) -> bytes:
        """Return the message of one that exists."""
        ...

    def remove(self, identifier: str) -> None:
        """Remove one, if it exists."""
        ...


class AddressBook(Protocol):
    """Knows what is on file about users."""

    def user(self, user: int, wrapped: bool = False) -> UserRecord | None:
        """As in ``Registry``.

        Raises:
            StoreUnavailableError: the store gave no answer.
        """
        ...


class Standings(Protocol):
    """What was put on record about tokens and those they name."""

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """As in ``Store``.

        Raises:
            StoreUnavailableError: the store gave no answer.
        """
        ...


class NameLookupError(OSError):
    """A host name has no address, or the look-up took too long. The message says why."""


class Names(Protocol):
    """Looks up host names."""

    def addresses(self, host: str, seconds: float) -> list[str]:
        """Return the addresses of ``host``, at least one; ``host`` itself if it is an address.

        Raises:
            NameLookupError: it has none, or the look-up took longer than ``seconds``.
        """
        ...

    def reach(self, host: str, seconds: float, connect: Callable[[str, float], _T]) -> _T:
        """Call ``connect(address, seconds)`` for the addresses of ``host``, and return the first result.

        Raises:
            OSError: NameLookupError, or the last OSError of ``connect``; an earlier one moves on to the next address.
        """
        ...


class MailSenderError(Exception):
    """The question to a user could not be sent. The message says why."""


class MailSender(Protocol):
    """Sends mail that reply-milter writes."""

    def send(self, recipient: str, message: bytes) -> None:
        """Hand a message to the MTA, with the null sender.

        Raises:
            MailSenderError: the MTA did not accept it.
        """
        ...
