"""Replies that wait for the user on file to say whether they are theirs, and what the user was asked about them."""

import hashlib
from dataclasses import dataclass

from reply_milter.core.seal.sealed_reply import SealedReply

_QUESTION_BITS = 55  # of a token's context


@dataclass(frozen=True, slots=True)
class ParkedReply:
    """``author``: From's address as far as it can be read; ``subject``: one line, cut. Times in Unix seconds.

    ``sender`` and ``recipient``: its envelope. ``question``: the id of the one that lists it, 0 for none yet;
    ``asked``: when that was sent, 0 for not yet. ``released``: it is to be handed over; ``whatever_stands``: even
    if its address does not stand any more.
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
    whatever_stands: bool = False

    @property
    def id(self) -> str:
        """The id of its verdict."""
        return self.sealed.id

    @property
    def kind(self) -> tuple[str, str]:
        """What one question may list together: replies to one address that one author wrote."""
        return self.sealed.token_id, self.author


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question that is on record. ``id`` is the context of the address that answers it, and names its Message-ID.

    ``message_id`` stands in brackets. ``made``: on record since then; ``until``: when what it lists is deleted;
    ``sent``: when the MTA took it, 0 for not yet. Times in Unix seconds.
    """

    id: int
    user: int
    message_id: str
    made: int
    until: int
    sent: int = 0

    @classmethod
    def named(cls, message_id: str, user: int, made: int, until: int) -> "AskedQuestion":
        """The question with this Message-ID, which no other has."""
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
        """Whether one more, of so many octets, has room beside what there is."""
        return (
            of_user.replies < self.user_replies
            and of_user.octets + octets <= self.user_octets
            and of_all.replies < self.replies
            and of_all.octets + octets <= self.octets
        )
