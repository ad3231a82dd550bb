"""What becomes of a message in a mailbox: a folder stands for an answer, and nothing is ever sent back."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

_FIRST_RETRY_SECONDS: Final = 15
_LAST_RETRY_SECONDS: Final = 900
_FIRST_RECONNECT_SECONDS: Final = 1.0
_LAST_RECONNECT_SECONDS: Final = 300.0


class FetchVerdict(StrEnum):
    """What became of one message, as metrics and log name it."""

    DELIVERED = "delivered"  # a handler took it, now or before
    PARKED = "parked"  # the hook asks its user; it stays in the mailbox until that is answered
    DEFERRED = "deferred"  # it stays, and is tried again
    REJECTED = "rejected"  # what SMTP answers with 5xx
    DISCARDED = "discarded"  # the policy throws it away, or its user said that it is not theirs
    DEAD_LETTER = "dead_letter"  # the hook keeps it, because it can never be delivered
    OBSERVED = "observed"  # enforce mode would refuse it; it stays, untouched
    UNREADABLE = "unreadable"  # too large, or the server does not give it
    ORDINARY = "ordinary"  # no reply; it stays, untouched


class Folder(StrEnum):
    """Where a message goes."""

    PROCESSED = "processed"
    REJECTED = "rejected"


_FOLDERS: Final = {
    FetchVerdict.DELIVERED: Folder.PROCESSED,
    FetchVerdict.REJECTED: Folder.REJECTED,
    FetchVerdict.DISCARDED: Folder.REJECTED,
    FetchVerdict.DEAD_LETTER: Folder.REJECTED,
    FetchVerdict.UNREADABLE: Folder.REJECTED,
}


def folder_for(verdict: FetchVerdict) -> Folder | None:
    """Where a message goes; None: it stays where it is, unseen."""
    return _FOLDERS.get(verdict)


def retry_seconds(tries: int) -> int:
    """How long a message rests that was tried ``tries`` times, at least once."""
    return int(min(_FIRST_RETRY_SECONDS * 2.0 ** min(max(tries, 1) - 1, 30), _LAST_RETRY_SECONDS))


def reconnect_seconds(failures: int, random: Callable[[], float]) -> float:
    """How long to wait after ``failures`` in a row, at least one. ``random``: 0 to 1, so that hosts spread out."""
    longest = min(_FIRST_RECONNECT_SECONDS * 2.0 ** min(failures - 1, 30), _LAST_RECONNECT_SECONDS)
    return longest * (0.5 + random() / 2)
