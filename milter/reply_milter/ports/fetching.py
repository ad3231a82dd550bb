"""What the flow that reads a mailbox remembers between two looks, and what it reports."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from reply_milter.core.fetching.outcome import FetchVerdict, Folder


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """A message of the mailbox that is not done with.

    ``id`` and ``seal``: of one that was accepted; ``seal`` is what the milter's flow put on top of it. Both are empty
    for others. ``tries``: so far; ``due``: when the next one is; ``first``: when the first one was. Unix seconds.
    """

    uid: int
    id: str = ""
    seal: str = ""
    tries: int = 0
    due: int = 0
    first: int = 0


class FetchRecord(Protocol):
    """Records on this host how far a mailbox was looked at. Changes are durable when a method returns."""

    def begin(self, uidvalidity: int) -> int:
        """Return the UID up to which all was looked at. With another UIDVALIDITY, forget everything, and return 0."""
        ...

    def due(self, now: int, most: int) -> list[OpenMessage]:
        """Return open messages whose time has come, those first that wait for longest."""
        ...

    def known(self, uids: Sequence[int]) -> set[int]:
        """Return those of ``uids``, in ascending order, that are open."""
        ...

    def next_due(self) -> int | None:
        """Return when the next open message is due, in Unix seconds; None if none is open."""
        ...

    def put(self, messages: Sequence[OpenMessage]) -> None:
        """Record open messages, in one transaction."""
        ...

    def close(self, looked_at: int, done: Sequence[int], still_open: Sequence[OpenMessage]) -> None:
        """Forget the UIDs ``done``, record what is ``still_open``, and that all up to ``looked_at`` was looked at."""
        ...


class MailboxTurns(Protocol):
    """Lets one host at a time work on a mailbox, and the next one know what became of replies in it.

    No method raises. Without an answer of the store, this host goes on as if there were no other.
    """

    def turn(self) -> AbstractContextManager[bool]:
        """Take a turn, which lasts until the context ends, or until soon after this host has died.

        False: it is another host's turn.
        """
        ...

    def became_of(self, identifiers: Sequence[str]) -> Mapping[str, FetchVerdict] | None:
        """Return what other hosts noted of these replies; None if it is another host's turn by now.

        To be asked before replies are handed over: this host may have been stopped for so long that another went on.
        """
        ...

    def note(self, identifier: str, verdict: FetchVerdict) -> None:
        """Note what became of a reply, before it leaves the mailbox. Several threads may."""
        ...

    def forget(self, identifiers: Sequence[str]) -> None:
        """Forget notes: the claims are committed, so no host takes these replies again."""
        ...


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What became of one message. Holds no address. ``reason``: of the verdict; ``why``: in words, for the log."""

    uid: int
    verdict: FetchVerdict
    reason: str = ""
    id: str = ""
    folder: Folder | None = None
    why: str = ""


class FetchTelemetry(Protocol):
    """Counts and logs what becomes of a mailbox and its messages. Labels are bounded sets, never a stranger's text."""

    def started(self) -> None:
        """A message begins to be judged, in this thread."""
        ...

    def fetched(self, report: FetchReport) -> None:
        """Report what became of one message."""
        ...

    def looked(self, now: int) -> None:
        """The mailbox was looked at, Unix seconds."""
        ...

    def connected(self) -> None:
        """The mailbox is open."""
        ...

    def disconnected(self, why: str, seconds: float) -> None:
        """It can't be used; the next try is in ``seconds``."""
        ...

    def internal_error(self) -> None:
        """The exception that is being handled was caught: the message at hand is tried again."""
        ...
