"""What makes two arrivals the same message: author, date, subject, thread and text, not the route they took.

White space (SP, HTAB, CR, LF) does not count: relays fold headers and wrap long lines.
"""

import hashlib
from typing import Final

from reply_milter.core.encoding import base32

_WHITE_SPACE: Final = b" \t\r\n"
SEAL_LENGTH: Final = 26  # base32 characters, 130 bits


class BodyDigest:
    """SHA-256 over a body with all white space removed, fed in any pieces."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def feed(self, chunk: bytes) -> None:
        """Add the next octets of the body."""
        self._hash.update(chunk.translate(None, _WHITE_SPACE))

    def octets(self) -> bytes:
        """Return the whole digest, 32 octets."""
        return self._hash.digest()

    def text(self) -> str:
        """Return the leftmost 130 bits in base32: the ``body`` tag of a verdict."""
        return base32.leftmost(self._hash.digest(), SEAL_LENGTH)


def squeeze(value: str) -> bytes:
    """Return the octets of a header value without white space."""
    return value.encode("utf-8", "surrogateescape").translate(None, _WHITE_SPACE)
