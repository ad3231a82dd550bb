"""Addresses of Moodle (lib/classes/message/inbound/address_manager.php): taken apart, and checked with two keys.

Behind the mailbox stands base64 (RFC 4648 section 4) of 36 octets: handler, user and data value in 8 octets each, then
the first 12 octets of MD5 over the data's key and the user's, both as text. The digest covers none of the numbers: they
choose the keys. Capital and small letters differ, so it must be read from the client's own RCPT argument.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Final

CHARACTERS: Final = 48
_NUMBERS: Final = struct.Struct(">qqq")
_MAC_OCTETS: Final = 12
_SAMPLE: Final = bytes(_NUMBERS.size + _MAC_OCTETS)


@dataclass(frozen=True, slots=True)
class MoodleToken:
    """What an address names. ``handler``: of Moodle's own; ``data``: of what, by that handler's numbers."""

    handler: int
    user: int
    data: int
    mac: bytes

    @property
    def identity(self) -> bytes:
        """What a replay is told by."""
        return _NUMBERS.pack(self.handler, self.user, self.data)


def parse(text: str) -> MoodleToken | None:
    """Take the part behind the mailbox apart. None for anything that the application would not write.

    Takes as long for anything: where it can't be decoded, a sample is taken apart in its place.
    """
    raw = _decoded(text)
    handler, user, data = _NUMBERS.unpack_from(raw or _SAMPLE)
    token = MoodleToken(handler, user, data, (raw or _SAMPLE)[_NUMBERS.size :])
    spelled = write(token)
    return token if raw is not None and min(handler, user) > 0 and data >= 0 and spelled == text else None


def _decoded(text: str) -> bytes | None:
    if len(text) != CHARACTERS or not text.isascii():
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def write(token: MoodleToken) -> str:
    """Write the part behind the mailbox as the application does."""
    return base64.b64encode(token.identity + token.mac).decode()


def is_genuine(token: MoodleToken, data_key: str, user_key: str) -> bool:
    """Whether the application made it with these keys. Compares octets in constant time, and never as numbers."""
    return hmac.compare_digest(mac_of(data_key, user_key), token.mac)


def mac_of(data_key: str, user_key: str) -> bytes:
    """Return the digest under the keys of the data and of the user."""
    # MD5 is the application's choice; we can only check what it made.
    return hashlib.md5((data_key + user_key).encode(), usedforsecurity=False).digest()[:_MAC_OCTETS]
