"""A mailbox on somebody else's server, that replies arrive in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

UIDS_AT_ONCE: Final = 1000  # that `uids_after` returns at most
BEGINNINGS_AT_ONCE: Final = 16  # that `beginnings` takes at most; of 64 KiB each, they have the size of one piece


class MailboxUnavailableError(Exception):
    """The server gave no answer, or the connection is lost. ``str()``: why, in a few words for the log.

    Close the mailbox, wait, and open it again.
    """


class MailboxRefusedError(Exception):
    """The server said no, and will again until somebody changes something. ``str()``: what to do, for the log.

    The connection stays usable, unless ``open`` raised it.
    """


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server offers for this mailbox.

    ``move``: MOVE of RFC 6851. ``uidplus``: UID EXPUNGE of RFC 4315. ``idle``: IDLE of RFC 2177. ``keywords``: clients
    may set flags of their own (``\\*`` among PERMANENTFLAGS, RFC 3501 section 7.1).
    """

    move: bool = False
    uidplus: bool = False
    idle: bool = False
    keywords: bool = False


class Opened(NamedTuple):
    """The mailbox as it was opened. UIDs count only together with ``uidvalidity`` (RFC 3501 section 2.3.1.1).

    ``uidnext``: the least UID that the next message can get; 0 if the server does not tell.
    """

    uidvalidity: int
    uidnext: int
    capabilities: Capabilities


class Removal(StrEnum):
    """How a message left the mailbox, if it did."""

    REMOVED = "removed"
    GONE = "gone"  # it was not there any more: moved by another client, or by an earlier run
    MARKED = "marked"  # it is still there, with our keyword if it may have one: the server can't remove just this one


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message stays in the mailbox: the server said no. ``why``: what to do, for the log."""

    why: str


class Mailbox(Protocol):
    """One mailbox through one connection. One thread uses it. No method but ``move`` and ``delete`` changes anything.

    Every method but ``close`` raises MailboxUnavailableError and MailboxRefusedError. Each ends within a deadline.
    """

    def open(self) -> Opened:
        """Connect, log in and select the mailbox. Called again after ``close``, or after an error."""
        ...

    def uids_after(self, uid: int) -> tuple[int, ...]:
        """Return the lowest UIDs above ``uid``, ascending, at most ``UIDS_AT_ONCE``; none at the mailbox's end.

        Messages marked by an earlier ``move`` or ``delete`` are left out. Call it again with the last one for more.
        """
        ...

    def sizes(self, uids: tuple[int, ...]) -> Mapping[int, int]:
        """Return octets by UID, by the server's word (RFC822.SIZE). Messages that are gone are left out."""
        ...

    def fetch(self, uid: int, limit: int) -> bytes | None:
        """Return the first ``limit`` octets of a message as it is stored, unseen as before; None if it is gone.

        A result of ``limit`` octets may be cut: ask for one more than is wanted to tell.
        """
        ...

    def beginnings(self, uids: Sequence[int], limit: int) -> Mapping[int, bytes]:
        """Return what ``fetch`` returns, of several messages at once, by UID; at most ``BEGINNINGS_AT_ONCE``.

        Those that are gone, or that the server does not give now, are left out.
        """
        ...

    def move(self, uids: Sequence[int], folder: str) -> Mapping[int, Removal | Refusal]:
        """Move messages to ``folder``, which is made if it is missing. Levels in ``folder`` are divided by ``/``.

        The outcome is by UID: one that the server refuses harms no other. Refused are all of them if the folder can't
        be made, or takes no message (its quota is full).
        """
        ...

    def delete(self, uids: Sequence[int]) -> Mapping[int, Removal | Refusal]:
        """Delete messages: for good, or into the trash where the server has no other deletion (Gmail)."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait until the server reports a change, with IDLE or by asking. False: ``seconds`` went by without one.

        It may return True without a new message, and return early.
        """
        ...

    def close(self) -> None:
        """Log out and close the connection. Raises nothing. May be called twice, and before ``open``."""
        ...
