"""Master keys, user keys derived from them, and all values that are computed with a user key.

The only import of a cryptographic library in ``core``. HMAC and HKDF-Expand (RFC 5869 section 2.3, no Extract: a
master key is already 32 uniform octets) with SHA-256. Every input is length-prefixed by ``tlv``.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from reply_milter.core.encoding import base32
from reply_milter.core.encoding.tlv import tlv
from reply_milter.core.token.token import Token, TokenText

REALM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
ID_LENGTH: Final = 13  # base32 characters of each half of a reply's id
CONTENT_OCTETS: Final = 10  # of a content digest: keyed, so a forger cannot search for a collision of 80 bits
AUTHOR_OCTETS: Final = 5  # of an author's digest: among a token's few authors, two with the same 40 bits are unlikely
# Of a wrong author's digest: if two of twenty share 24 bits, that allows one more try. With longer digests Redis would
# store the hash in its larger form (``hash-max-listpack-value`` is 64 octets).
WRONG_AUTHOR_OCTETS: Final = 3


class KeyState(StrEnum):
    """``active`` mints and verifies; ``verify`` only verifies; ``retired`` is kept for the record."""

    ACTIVE = "active"
    VERIFY = "verify"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """``secret`` is 32 random octets; ``id`` is in no token.

    ``minted_until``: Unix seconds when it stopped minting, 0 if it never minted; None while it mints, and if it is
    unknown because a person wrote the file.
    """

    id: str
    state: KeyState
    secret: bytes = field(repr=False)
    minted_until: int | None = None


@dataclass(frozen=True, slots=True)
class UserKey:
    """One user's key under one master key. ``secret``: 32 octets.

    A reply takes seven digests. What of them depends on the key alone is computed once.
    """

    master_id: str
    secret: bytes = field(repr=False)
    _keyed: hmac.HMAC = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", hmac.new(self.secret, digestmod="sha256"))

    def digest(self, *parts: str | bytes) -> bytes:
        """Compute HMAC-SHA256 (RFC 2104) over the length-prefixed ``parts``."""
        keyed = self._keyed.copy()
        keyed.update(tlv(*parts))
        return keyed.digest()

    def checksum(self, token: Token, length: int) -> str:
        """Return the checksum of ``token`` in base32. Covers its own ``length``, so that it can't be shortened."""
        full = self.digest(b"token", bytes([length]), token.user.to_bytes(5), token.key_octets())
        return base32.leftmost(full, length)

    def thread(self, message_id: str) -> int:
        """Return the 55-bit context for a notification's Message-ID (without its angle brackets)."""
        return int.from_bytes(self.digest(b"thread", message_id)) >> (256 - 55)

    def sender(self, normalised_address: str) -> int:
        """Return the 15-bit tag of the address that the notification was sent to. Never 0, which means unbound."""
        return int.from_bytes(self.digest(b"sender", normalised_address)) >> (256 - 15) or 1

    def token_id(self, token_text: str) -> str:
        """Return 13 characters that name a token in logs and in the store; the token can't be rebuilt from them."""
        return base32.leftmost(self.digest(b"id", token_text), ID_LENGTH)

    def message_id_tag(self, token_text: str, message_id: str) -> str:
        """Return 13 characters that name one message to a token by its Message-ID."""
        return base32.leftmost(self.digest(b"message", token_text, message_id), ID_LENGTH)

    def content_tag(self, token_text: str, author: bytes, date: bytes, body_digest: bytes) -> str:
        """Return 13 characters that name one message without a Message-ID to a token."""
        return base32.leftmost(self.digest(b"content", token_text, author, date, body_digest), ID_LENGTH)

    def author(self, address: str) -> bytes:
        """Return a short keyed digest of an author's address, to count different authors."""
        return self.digest(b"author", address)[:AUTHOR_OCTETS]

    def content(self, *parts: str | bytes) -> bytes:
        """Return a short keyed digest of a message's content, to distinguish a retry from another message."""
        return self.digest(b"same content", *parts)[:CONTENT_OCTETS]


def derive(realm: str, master: MasterKey, user: int) -> UserKey:
    """Derive the key of ``user`` in ``realm``: a token is valid for one realm and one user.

    The key is never cached: it costs a microsecond, and a faster answer would show which users were active lately.
    """
    info = tlv(b"reply-milter/1/user", realm, user.to_bytes(5))
    return UserKey(master.id, HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(master.secret))


@dataclass(frozen=True, slots=True)
class Keyring:
    """All master keys of a realm, oldest first. Exactly one is active (``keyfile`` checks that)."""

    realm: str
    keys: tuple[MasterKey, ...]

    def live(self) -> Iterable[MasterKey]:
        """Keys that verify, newest first."""
        return (key for key in reversed(self.keys) if key.state is not KeyState.RETIRED)

    @property
    def active(self) -> MasterKey:
        """The master key that new tokens are made with."""
        return next(key for key in self.keys if key.state is KeyState.ACTIVE)

    def minting_key(self, user: int) -> UserKey:
        """The user key that new tokens are made with."""
        return derive(self.realm, self.active, user)

    def master(self, identifier: str) -> MasterKey | None:
        """The live master key called ``identifier``; None if there is none (any more)."""
        return next((key for key in self.live() if key.id == identifier), None)

    def verify(self, token_text: TokenText) -> UserKey | None:
        """Return the user key that made the checksum of ``token_text``, or None. Compares in constant time."""
        found = None
        for master in self.live():
            key = derive(self.realm, master, token_text.token.user)
            if hmac.compare_digest(key.checksum(token_text.token, len(token_text.checksum)), token_text.checksum):
                found = found or key
        return found
