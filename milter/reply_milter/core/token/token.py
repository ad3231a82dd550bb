"""Token version 1: the GLOB of ``reply+GLOB@reply.example.com``, its fields and its one spelling.

::

    GLOB  = USER KEY CKSUM
    USER  = 10 lower-case hex digits: the user id, 40 bits, left padded with zeros
    KEY   = 22 base32 characters, 110 bits: version(5) handler(10) issued(25) context(55) sender(15)
    CKSUM = n base32 characters: the leftmost 5 n bits of the checksum, 16 <= n <= 26

Every field fills whole characters, so there are no spare bits and no second spelling. ``issued`` counts minutes
since 2025-01-01T00:00Z. 32 + n characters fit RFC 5321 section 4.5.3.1.1's 64 octets together with the
mailbox and its delimiter. What the checksum covers is in ``keyring``.
"""

import re
from typing import Final, NamedTuple

from reply_milter.core.encoding import base32

VERSION: Final = 1
EPOCH: Final = 1735689600  # 2025-01-01T00:00:00Z in Unix seconds
LOCAL_PART_OCTETS: Final = 64  # RFC 5321 section 4.5.3.1.1
USER_LENGTH: Final = 10
KEY_LENGTH: Final = 22
CHECKSUM_FLOOR: Final = 16  # 80 bits
CHECKSUM_CEILING: Final = 26  # 130 bits, above half of SHA-256 (RFC 2104 section 5)

USER_LIMIT: Final = 1 << 40
HANDLER_LIMIT: Final = 1 << 10
ISSUED_LIMIT: Final = 1 << 25
CONTEXT_LIMIT: Final = 1 << 55
SENDER_LIMIT: Final = 1 << 15
LAST_ISSUE: Final = EPOCH + 60 * (ISSUED_LIMIT - 1)  # Unix seconds, in 2088

_GLOB: Final = re.compile(rf"[0-9a-f]{{{USER_LENGTH}}}[a-z2-7]+", re.ASCII)


_HANDLER_IN: Final = re.compile(rf"[0-9a-f]{{{USER_LENGTH}}}[a-z2-7]([a-z2-7]{{2}})[a-z2-7]{{35,}}", re.ASCII)
_ADDRESS_OCTETS: Final = 320  # RFC 5321 section 4.5.3.1: local part, "@" and domain


def handler_in(address: str) -> int | None:
    """Return the handler's number in a reply address, unverified, for sorting. None for other addresses."""
    if len(address) > _ADDRESS_OCTETS:
        return None
    local_part = address.rpartition("@")[0].lower()
    found = _HANDLER_IN.fullmatch(local_part[max(local_part.rfind("+"), local_part.rfind("-")) + 1 :])
    return base32.to_int(found[1]) if found else None


class Token(NamedTuple):
    """The fields of a token. ``issued`` in minutes since EPOCH; ``sender`` 0 means not bound to an address."""

    user: int
    handler: int
    issued: int
    context: int
    sender: int = 0
    version: int = VERSION

    @property
    def issued_at(self) -> int:
        """Unix seconds, UTC; a whole minute."""
        return EPOCH + 60 * self.issued

    def expires_at(self, validity_days: int) -> int:
        """Return the first Unix second at which the token is no longer valid. It does not wrap around."""
        return self.issued_at + 86400 * validity_days

    def key_octets(self) -> bytes:
        """Return KEY as the checksum covers it: 14 octets, two leading zero bits."""
        return self._key_number().to_bytes(14)

    def unsigned(self) -> str:
        """Return USER and KEY; the checksum follows them."""
        return f"{self.user:0{USER_LENGTH}x}" + base32.from_int(self._key_number(), KEY_LENGTH)

    def _key_number(self) -> int:
        number = self.version
        for value, bits in (
            (self.handler, 10),
            (self.issued, 25),
            (self.context, 55),
            (self.sender, 15),
        ):
            number = number << bits | value
        return number


class TokenText(NamedTuple):
    """A well-formed GLOB: its only spelling, its fields, and its checksum, which is not checked yet."""

    text: str
    token: Token
    checksum: str


def issued_minutes(unix: int) -> int:
    """Return the ``issued`` field for a Unix time in seconds."""
    return (unix - EPOCH) // 60


def parse(text: str, checksum_length: int) -> TokenText | None:
    """Read a GLOB with ``checksum_length`` checksum characters; ASCII letters in either case. None for other text.

    The checksum is not checked. ASCII is checked before lower-casing: U+212A lower-cases to ``k``.
    """
    if len(text) != USER_LENGTH + KEY_LENGTH + checksum_length or not text.isascii():
        return None
    lower = text.lower()
    if not _GLOB.fullmatch(lower):
        return None
    key_end = USER_LENGTH + KEY_LENGTH
    number = base32.to_int(lower[USER_LENGTH:key_end])
    token = Token(
        user=int(lower[:USER_LENGTH], 16),
        version=number >> 105,
        handler=number >> 95 & (HANDLER_LIMIT - 1),
        issued=number >> 70 & (ISSUED_LIMIT - 1),
        context=number >> 15 & (CONTEXT_LIMIT - 1),
        sender=number & (SENDER_LIMIT - 1),
    )
    return TokenText(lower, token, lower[key_end:]) if token.version == VERSION else None
