"""What the flow that reads a mailbox remembers between two looks, and what it reports."""

from collections.abc import Sequence
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
