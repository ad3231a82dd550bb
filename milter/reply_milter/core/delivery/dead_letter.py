"""A message that can't be delivered, kept for an operator."""

import hashlib
from dataclasses import dataclass

from reply_milter.core.encoding import base32
from reply_milter.core.seal.sealed_reply import Undeliverable

_ID_LENGTH = 26  # as long as the id of a verdict


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``id``: of its verdict, or a digest of its octets. ``sender``, ``recipient``: its envelope. ``since``: Unix time.

    ``handler`` is empty and ``user`` None for a message without a good seal.
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
    """Name a message without a good seal: 26 characters, the same for each retry of the MTA."""
    return base32.leftmost(hashlib.sha256(message).digest(), _ID_LENGTH)
