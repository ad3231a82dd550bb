"""A reply that waits for the user on file to say whether it is theirs."""

import hashlib
from dataclasses import dataclass

from reply_milter.core.sealed_reply import SealedReply

_QUESTION_BITS = 55  # of a token's context


@dataclass(frozen=True, slots=True)
class ParkedReply:
    """``author``: From's address as far as it can be read; ``subject``: one line, cut. Times in Unix seconds.

    ``sender`` and ``recipient``: its envelope. ``asked``: when the user on file was asked, 0 for not yet. ``released``:
    it is to be handed over.
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

    @property
    def id(self) -> str:
        """The id of its verdict."""
        return self.sealed.id

    @property
    def question(self) -> int:
        """Names the question to the user: one a token and author, however many replies wait for its answer.

        It is the context of the address that answers it.
        """
        named = hashlib.sha256(f"{self.sealed.token_id}\n{self.author}".encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(named) >> (256 - _QUESTION_BITS)
