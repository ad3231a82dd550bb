"""A message that nobody will take, kept for people to look at."""

import hashlib
from dataclasses import dataclass

from reply_milter.core.encoding import base32
from reply_milter.core.seal.sealed_reply import Undeliverable

_ID_LENGTH = 26  # as long as the id of a verdict


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``id``: of its verdict, or made of its octets. ``sender`` and ``recipient``: its envelope. ``since``: Unix time.

    ``handler`` is empty and ``user`` None where nothing vouches for them.
    """

    id: str
    reason: Undeliverable
    detail: str
    handler: str
    user: int | None
    sender: str
    recipient: str
    since: int


def identify(message: bytes) -> str:
    """A name for a message without a good verdict: the same when an MTA hands it over again."""
    return base32.leftmost(hashlib.sha256(message).digest(), _ID_LENGTH)
