"""What is remembered between messages: claims, revocations, users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from reply_milter.core.token.token import Token
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.plain import StoredOriginal


class StoreUnavailableError(Exception):
    """The store gave no answer in time, or could not do what was asked.

    ``kind`` is one of a bounded set of words for metrics (timeout, connection, oom, ...). ``in_doubt``: the change
    may have been made, or may be made yet.
    """

    def __init__(self, kind: str, detail: str = "", in_doubt: bool = False) -> None:
        super().__init__(detail or kind)
        self.kind = kind
        self.in_doubt = in_doubt


class Replay(StrEnum):
    """What a claim found, and the ``replay`` tag of a verdict. ``unknown``: the store gave no answer."""

    FIRST = "first"
    RETRY = "retry"
    DUPLICATE = "duplicate"
    REPLAYED = "replayed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many of something a token takes. ``refuses``: one more is not taken; else it is, and reported."""

    most: int
    refuses: bool


@dataclass(frozen=True, slots=True)
class Tries:
    """Counts wrong authors, so that no right one is found by trying. ``wrong``: a digest of WRONG_AUTHOR_OCTETS.

    ``wrong`` is empty for a right author. After ``most`` different wrong ones the token has leaked; ``refuses``: then
    nothing new is taken.
    """

    most: int
    refuses: bool
    wrong: bytes = b""


class Claimed(NamedTuple):
    """The answer to a claim. ``spent``: more messages than ``replies``; ``leaked``: more authors than ``senders``.

    ``replay`` None: the message was not taken, because a limit refuses it, or because it only counts its author.
    ``guessed``: the token had leaked by ``tries`` before this message. ``counted``: its author was a wrong one that was
    not known; ``last``: so many that it has leaked from now on. ``facts``: what is known by now, where ``about`` asks.
    """

    replay: Replay | None
    spent: bool = False
    leaked: bool = False
    guessed: bool = False
    counted: bool = False
    last: bool = False
    facts: Facts | None = None


class Claim(NamedTuple):
    """Taking one message for one token.

    ``token_id`` and ``message_tag`` are 13 base32 characters each; ``content`` and ``owner`` are octets without
    structure; ``kept_seconds`` count from the claim on, by the store's clock, however wrong that is. ``author``: a
    digest of AUTHOR_OCTETS. Limits may be None. ``tries`` None: whoever wrote it may. ``takes`` False, with
    ``tries``: the message is refused whatever the answer; only its author is counted. ``about``: the token whose
    facts are asked for, too; ``wrapped``: its user is a pseudo-user.
    """

    token_id: str
    message_tag: str
    content: bytes
    owner: bytes
    kept_seconds: int
    author: bytes = b""
    replies: Limit | None = None
    senders: Limit | None = None
    tries: Tries | None = None
    takes: bool = True
    about: Token | None = None
    wrapped: bool = False

    @property
    def id(self) -> str:
        """The stable id of this reply: the idempotency key for everything downstream."""
        return self.token_id + self.message_tag


class Store(Protocol):
    """Remembers which messages were taken for which token, and what was revoked.

    Every method raises StoreUnavailableError if the store did not answer within the deadline.
    """

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """What is known about a token and those it names. Reads only.

        ``wrapped``: its user is a pseudo-user, and the copy of its original is asked for, too.
        """
        ...

    def claim(self, claim: Claim) -> Claimed:
        """Take a message for its token, atomically. Never UNKNOWN.

        FIRST for a new message, and again for the same ``owner``, so that a command sent twice by a client library
        is no replay. RETRY for a reserved message with the same tag and content. DUPLICATE for a committed one.
        REPLAYED for the same tag with other content, or the same content under another tag. None for a new message
        that a limit refuses. Only FIRST and a new wrong author write. Limits are reported of new messages only.

        The facts are read in the same round trip, before the claim and not atomically with it: where they are against
        the token, the caller releases what was taken.
        """
        ...

    def release(self, claim: Claim) -> None:
        """Forget a reservation of this owner that came to nothing; anyone else's, and a committed one, stay."""
        ...

    def commit(self, identifier: str) -> bool:
        """Mark the reply ``identifier`` (26 characters) as delivered. False if nothing is reserved under it."""
        ...

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """Do so with several in one go. If that fails, any number of them may be marked."""
        ...


class MintingStore(Protocol):
    """Keeps what wrapped addresses stand for, beside their capsules."""

    def keep_originals(self, originals: Mapping[str, StoredOriginal], kept_until: int) -> None:
        """Keep each under its token id until then, in Unix seconds; twice is as once. One deadline for all.

        Raises:
            StoreUnavailableError: the store did not take all of them in time.
        """
        ...


class WrappedMark(Protocol):
    """Remembers of which handlers a wrapped notification has left this host: their native addresses may be refused."""

    def note(self, handler_id: int) -> None:
        """Note that one has left. Cheap once it is noted; never raises."""
        ...

    def has_left(self, handler_id: int) -> bool:
        """Whether one has ever left, before this process began, too."""
        ...


class DelayedCommits(Protocol):
    """Commits by itself, where no hook does."""

    def enqueue(self, identifier: str) -> None:
        """Commit ``identifier`` once the answer had time to reach the MTA."""
        ...
