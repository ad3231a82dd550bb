"""Tokens of Gitea and Forgejo (services/mailer/token/token.go of both): taken apart, checked with a user's secret.

A token is base32 (RFC 4648, upper case, unpadded) of a version, and three gob messages: the user's id, the first octets
of HMAC-SHA256 under the user's secret, and the payload. That holds when it expires, what it is for, and of what.
"""

import base64
import binascii
import hmac
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from reply_milter.core.native import gob

TOKEN_CHARACTERS: Final = 256  # longer ones are not looked at; the longest that Forgejo makes has 114
_REPLY, _UNSUBSCRIBE = 1, 2  # what a token is for
_ISSUE, _COMMENT = 0, 1  # what a reference names


@dataclass(frozen=True, slots=True)
class Kind:
    """How a fork writes tokens: ``version``, their first octet; ``mac_octets``, how much of the digest they hold."""

    name: str
    version: int
    mac_octets: int


GITEA: Final = Kind("gitea", 1, 10)
FORGEJO: Final = Kind("forgejo", 2, 16)


@dataclass(frozen=True, slots=True)
class GiteaToken:
    """A token in the one spelling that the application writes. ``expires`` in Unix seconds, valid in that second too.

    ``payload``: what the MAC is of. ``data``: what the token refers to, in octets for the application.
    """

    user: int
    mac: bytes
    payload: bytes
    expires: int
    purpose: int
    data: bytes

    @property
    def identity(self) -> bytes:
        """What a replay is told by: with another MAC it would not be genuine, and other spellings are not read."""
        return gob.write_int(self.user) + self.payload


def parse(text: str, kind: Kind) -> GiteaToken | None:
    """Take a token apart. None for anything that the application would not write, although it might read it.

    Takes as long for anything: where a part can't be read, that of a sample is read in its place.
    """
    raw = _decoded(text)
    heads = _heads(raw, kind) if raw is not None else None
    sample = _SAMPLES[kind.name]
    token = _with_payload(*(heads or _heads(sample.raw, kind) or sample.heads)) or _with_payload(*sample.heads)
    if token is None:
        return None
    spelled = write(token, kind)
    return token if heads is not None and spelled == text else None


def parse_loosely(text: str, kind: Kind) -> GiteaToken | None:
    """Take apart a token in any spelling that the application would read. Only to tell who plays with spellings.

    Read as the laxest of them does: letters in either case, spare bits, octets behind the last value.
    """
    raw = _loosely_decoded(text)
    if raw is None or raw[:1] != bytes([kind.version]):
        return None
    user = gob.read_loosely(raw, 1, gob.INT)
    mac = gob.read_loosely(raw, user.end, gob.OCTETS) if user else None
    payload = gob.read_loosely(raw, mac.end, gob.OCTETS) if mac else None
    if user is None or mac is None or payload is None:
        return None
    return GiteaToken(user.value, mac.value, payload.value, expires=0, purpose=0, data=b"")


def write(token: GiteaToken, kind: Kind) -> str:
    """Write a token as the application does, from its values."""
    payload = gob.write_int(token.expires) + gob.write_uint(token.purpose) + gob.write_octets(token.data)
    parts = gob.write_int(token.user) + gob.write_octets(token.mac) + gob.write_octets(payload)
    return base64.b32encode(bytes([kind.version]) + parts).decode().rstrip("=")


def is_genuine(token: GiteaToken, secret: str, kind: Kind) -> bool:
    """Whether the application made it for the user with this secret (``user.rands``). Takes constant time."""
    return hmac.compare_digest(mac_of(token.payload, secret, kind), token.mac)


def mac_of(payload: bytes, secret: str, kind: Kind) -> bytes:
    """Return the MAC of a payload under a user's secret, which the application uses as text."""
    return hmac.digest(secret.encode(), payload, "sha256")[: kind.mac_octets]


def _decoded(text: str) -> bytes | None:
    if len(text) > TOKEN_CHARACTERS or not text.isascii():
        return None
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        return None


def _loosely_decoded(text: str) -> bytes | None:
    if len(text) > TOKEN_CHARACTERS or not text.isascii():
        return None
    whole = text.upper().rstrip("=")
    for cut in (0, 1, 2, 3):  # Go takes no notice of a last group that is too short
        kept = whole[: len(whole) - cut]
        with suppress(binascii.Error):
            return base64.b32decode(kept + "=" * (-len(kept) % 8))
    return None


def _heads(raw: bytes, kind: Kind) -> tuple[int, bytes, bytes] | None:
    """Read user, MAC and payload behind the version; None where they are not as the application writes them."""
    if not raw or raw[0] != kind.version:
        return None
    user = gob.read(raw, 1, gob.INT)
    mac = gob.read(raw, user.end, gob.OCTETS) if user else None
    payload = gob.read(raw, mac.end, gob.OCTETS) if mac else None
    if not (user and mac and payload) or payload.end != len(raw):
        return None
    if user.value < 1 or len(mac.value) != kind.mac_octets:
        return None
    return user.value, mac.value, payload.value


def _with_payload(user: int, mac: bytes, payload: bytes) -> GiteaToken | None:
    expires = gob.read(payload, 0, gob.INT)
    purpose = gob.read(payload, expires.end, gob.UINT) if expires else None
    data = gob.read(payload, purpose.end, gob.OCTETS) if purpose else None
    if not (expires and purpose and data) or data.end != len(payload):
        return None
    if purpose.value in (_REPLY, _UNSUBSCRIBE) and not _is_reference(data.value):
        return None
    return GiteaToken(user, mac, payload, expires.value, purpose.value, data.value)


def _is_reference(data: bytes) -> bool:
    """Whether ``data`` names an issue or a comment as the application writes it: version 1, kind, database id."""
    kind = gob.read(data, 1, gob.UINT) if data[:1] == b"\1" else None
    number = gob.read(data, kind.end, gob.INT) if kind else None
    if kind is None or number is None or number.end != len(data):
        return False
    return kind.value in (_ISSUE, _COMMENT) and number.value > 0


class _Sample(NamedTuple):
    """A token of nobody's: ``raw`` as it is decoded, ``heads`` as they are read."""

    raw: bytes
    heads: tuple[int, bytes, bytes]


def _sample(kind: Kind) -> _Sample:
    data = b"\1" + gob.write_uint(_ISSUE) + gob.write_int(1 << 16)
    payload = gob.write_int(1 << 31) + gob.write_uint(_REPLY) + gob.write_octets(data)
    heads = (1, bytes(kind.mac_octets), payload)
    raw = bytes([kind.version]) + gob.write_int(heads[0]) + gob.write_octets(heads[1]) + gob.write_octets(payload)
    return _Sample(raw, heads)


_SAMPLES: Final = {kind.name: _sample(kind) for kind in (GITEA, FORGEJO)}
