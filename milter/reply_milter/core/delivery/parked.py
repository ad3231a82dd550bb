"""Parked replies, which wait until the user on file confirms them, and the questions about them."""

import hashlib
from dataclasses import dataclass

from reply_milter.core.seal.sealed_reply import SealedReply

_QUESTION_BITS = 55  # of a token's context


@dataclass(frozen=True, slots=True)
class ParkedReply:
    """``author``: the address in From, if it can be read; ``subject``: cut to one line. Times in Unix seconds.

    ``sender``, ``recipient``: its envelope. ``question``: the id of the question that lists it, 0 for none yet;
    ``asked``: when that was sent, 0 for not yet. ``released``: the hook may deliver it; with
    ``even_if_revoked`` also after its address was revoked.
    """

    sealed: SealedReply
    author: str
    subject: str
    sender: str
    recipient: str
    arrived: int
    until: int
    asked: int = 0
    released: bool = False
    question: int = 0
    even_if_revoked: bool = False

    @property
    def id(self) -> str:
        """The id of its verdict."""
        return self.sealed.id

    @property
    def kind(self) -> tuple[str, str]:
        """The address and the author. One question lists replies of one kind."""
        return self.sealed.token_id, self.author


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question on record. ``id``: a digest of its Message-ID, and the context of the address that answers it.

    ``message_id``: in brackets. ``made``: when it was recorded; ``until``: when the replies that it lists are deleted;
    ``sent``: when the MTA accepted it, 0 for not yet. Times in Unix seconds.
    """

    id: int
    user: int
    message_id: str
    made: int
    until: int
    sent: int = 0

    @classmethod
    def named(cls, message_id: str, user: int, made: int, until: int) -> "AskedQuestion":
        """Make the question with this unique Message-ID."""
        digest = hashlib.sha256(message_id.encode()).digest()
        return cls(int.from_bytes(digest) >> (256 - _QUESTION_BITS), user, message_id, made, until)


@dataclass(frozen=True, slots=True)
class Occupied:
    """How much is parked: a number of replies, and the octets of their messages."""

    replies: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be parked at a time: replies and octets, of one user and in all."""

    user_replies: int
    user_octets: int
    replies: int
    octets: int

    def fits(self, octets: int, of_user: Occupied, of_all: Occupied) -> bool:
        """Whether one more message of ``octets`` has room beside those of the user and of all."""
        return (
            of_user.replies < self.user_replies
            and of_user.octets + octets <= self.user_octets
            and of_all.replies < self.replies
            and of_all.octets + octets <= self.octets
        )
