"""What the delivery of replies needs from the world."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.token.verify import Facts
from reply_milter.ports.store import UserRecord

_T = TypeVar("_T")


class Deliverer(Protocol):
    """Hands replies to an application. Of a plug-in: what its entry point makes, given its settings."""

    @property
    def name(self) -> str:
        """As the configuration calls it."""
        ...

    @property
    def description(self) -> str:
        """A few words for operators."""
        ...

    def process(self, reply: Reply) -> DeliveryOutcome | None:
        """Hand ``reply`` over; None is Done. May be called again with the same ``reply.id``, and by several threads.

        Whatever it raises is an accident: logged, and tried again.
        """
        ...


class Progress(StrEnum):
    """How far a reply came."""

    NEW = "new"
    TRIED = "tried"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is on record about a reply. ``first_tried``: Unix seconds, 0 for never."""

    progress: Progress = Progress.NEW
    first_tried: int = 0


class Ledger(Protocol):
    """Remembers on this machine what became of replies, so that no handler of ours gets one twice."""

    def hold(self, identifier: str) -> AbstractContextManager[bool]:
        """Keep everybody else from delivering this reply; False if somebody else is at it. Ends with its process."""
        ...

    def entry(self, identifier: str) -> LedgerEntry:
        """What is on record."""
        ...

    def put(self, identifier: str, progress: Progress, now: int, kept_until: int) -> None:
        """Put it on record, durably. ``now`` counts as the first try if there was none. Times in Unix seconds."""
        ...

    def forget(self, now: int) -> None:
        """Forget what was to be kept until before ``now``."""
        ...


class DeadLetters(Protocol):
    """Keeps what can't be delivered, for people to look at."""

    def keep(self, letter: DeadLetter, message: bytes) -> None:
        """Keep one, durably; one with the same id is replaced.

        Raises:
            OSError: it can't be kept.
        """
        ...

    def all(self) -> list[DeadLetter]:
        """All of them, the oldest first."""
        ...

    def find(self, identifier: str) -> DeadLetter | None:
        """One of them."""
        ...

    def message(self, identifier: str) -> bytes:
        """The message of one that is there."""
        ...

    def remove(self, identifier: str) -> None:
        """Forget one."""
        ...


class AddressBook(Protocol):
    """What is on file about users."""

    def user(self, user: int) -> UserRecord | None:
        """As in ``Registry``.

        Raises:
            StoreUnavailableError: nobody can tell now.
        """
        ...


class Standings(Protocol):
    """What was put on record about tokens and those they name."""

    def facts(self, user: int, handler: int, context: int, token_id: str) -> Facts:
        """As in ``Store``.

        Raises:
            StoreUnavailableError: the store gave no answer.
        """
        ...


class NameLookupError(OSError):
    """A host name has no address, or none in time; the message says why."""


class Names(Protocol):
    """Addresses of host names."""

    def addresses(self, host: str, seconds: float) -> list[str]:
        """The addresses of ``host``, one at least; itself if it is one.

        Raises:
            NameLookupError: it has none, or the name server did not tell within ``seconds``.
        """
        ...

    def reach(self, host: str, seconds: float, connect: Callable[[str, float], _T]) -> _T:
        """What ``connect(address, seconds)`` gives for the first address of ``host`` that it raises no OSError for.

        Raises:
            OSError: NameLookupError, or what ``connect`` raised last.
        """
        ...


class MailSenderError(Exception):
    """The question to a user could not be sent; the message says why."""


class MailSender(Protocol):
    """Sends mail of our own."""

    def send(self, recipient: str, message: bytes) -> None:
        """Hand a message to the MTA, with the null sender.

        Raises:
            CourierError: the MTA did not take it.
        """
        ...
