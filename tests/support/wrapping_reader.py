"""A small reader of wrapped addresses, from docs/wrapping-format.md alone: nothing of the milter is imported.

It opens what is published there, with Python's standard library and AES-SIV of the cryptography package.
"""

import base64
import hashlib
import hmac
import re
from email.header import decode_header, make_header
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_CAPSULE = re.compile(r"<?w1\.([a-z2-7]+)@([^@\s<>]+?)>?", re.ASCII | re.IGNORECASE)


class Original(NamedTuple):
    """Section 1. ``thread``: an id and a tag, for an address for everybody."""

    address: str
    recipient: str
    thread: tuple[str, str] | None


def _tlv(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _parts(joined: bytes) -> list[bytes] | None:
    parts = []
    while joined:
        length = int.from_bytes(joined[:4], "big")
        part = joined[4 : 4 + length]
        if len(joined) < 4 + length or len(joined) < 4:
            return None
        parts.append(part)
        joined = joined[4 + length :]
    return parts


def _mac(key: bytes, *parts: bytes) -> int:
    return int.from_bytes(hmac.digest(key, _tlv(*parts), hashlib.sha256), "big")


def _expand(key: bytes, info: bytes, octets: int) -> bytes:
    first = hmac.digest(key, info + b"\x01", hashlib.sha256)
    return (first + hmac.digest(key, first + info + b"\x02", hashlib.sha256))[:octets]


def plain(octets: bytes) -> Original | None:
    """Section 1: read PLAIN. What is not written as ``written`` writes it is none."""
    texts, rest = [], octets
    while rest:
        length = int.from_bytes(rest[:2], "big")
        texts.append(_text(rest[2 : 2 + length]))
        rest = rest[2 + length :]
    if len(texts) not in (2, 4):
        return None
    original = Original(texts[0], texts[1], (texts[2], texts[3]) if len(texts) == 4 else None)
    return original if written(original) == octets else None


def written(original: Original) -> bytes:
    """Section 1: write PLAIN."""
    bodies = [_body(text.encode()) for text in (original.address, original.recipient, *(original.thread or ()))]
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def _body(octets: bytes) -> bytes:
    runs = list(re.finditer(rb"[A-Z2-7]{16,255}", octets))
    run = max(runs, key=lambda one: len(one[0]), default=None)
    if run is None or run.start() > 255:
        return octets
    number = 0
    for character in run[0].decode().lower():
        number = number << 5 | _ALPHABET.index(character)
    spare = -5 * len(run[0]) % 8
    packed = (number << spare).to_bytes((5 * len(run[0]) + spare) // 8, "big")
    return bytes([255, run.start(), len(run[0])]) + packed + octets[: run.start()] + octets[run.end() :]


def _text(body: bytes) -> str:
    if body[:1] == b"\xff" and len(body) > 2:
        start, count = body[1], body[2]
        end = 3 + (5 * count + 7) // 8
        number, spare = int.from_bytes(body[3:end], "big"), -5 * count % 8
        body = body[end:][:start] + _base32(number >> spare, count).upper().encode() + body[end:][start:]
    return body.decode("utf-8", "replace")


def pseudo_user(master: bytes, realm: str, recipient: str) -> int:
    """Section 2."""
    wrap_key = _expand(master, _tlv(b"reply-milter/1/wrap", realm.encode()), 32)
    return _mac(wrap_key, b"user", recipient.encode()) >> 216


def context(user_key: bytes, original: Original) -> int:
    """Section 3."""
    return _mac(user_key, b"wrapped", written(original)) >> 201


def open_capsule(identifier: str, glob: str, masters: list[bytes], realm: str, domains: list[str]) -> Original | None:
    """Section 4, every step. ``glob``: of the envelope recipient, checked as docs/token-format.md says."""
    if "=?" in identifier:
        identifier = str(make_header(decode_header(identifier)))
    found = _CAPSULE.fullmatch(identifier)
    if found is None or len(identifier.strip("<>")) > 250 or found[2].lower() not in domains:
        return None
    sealed = _octets(found[1].lower())
    return None if sealed is None else open_sealed(sealed, glob, masters, realm)


def open_copy(copy: bytes, glob: str, ids: list[str], masters: list[bytes], realm: str) -> Original | None:
    """Section 5. ``ids``: without brackets, those of In-Reply-To and References."""
    parts = _parts(copy)
    if parts is None or len(parts) != 2 or parts[1].decode() not in ids:
        return None
    return open_sealed(parts[0], glob, masters, realm)


def open_sealed(sealed: bytes, glob: str, masters: list[bytes], realm: str) -> Original | None:
    """Open with the key that made the checksum, and compare the context."""
    user, number = int(glob[:10], 16), 0
    for character in glob[10:32]:
        number = number << 5 | _ALPHABET.index(character)
    for master in masters:
        user_key = _expand(master, _tlv(b"reply-milter/1/user", realm.encode(), user.to_bytes(5, "big")), 32)
        made = _mac(user_key, b"token", bytes([26]), user.to_bytes(5, "big"), number.to_bytes(14, "big")) >> 126
        if _base32(made, 26) != glob[32:]:
            continue
        key = _expand(master, _tlv(b"reply-milter/1/capsule", realm.encode()), 64)
        original = _decrypted(key, _tlv(glob.encode()), sealed)
        return original if original and context(user_key, original) == number >> 15 & (1 << 55) - 1 else None
    return None


def open_original(text: str, identifier: str, handler: str, seal_keys: list[bytes]) -> Original | None:
    """The ``original`` of a verdict, docs/verdict-header.md section 4.1."""
    sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for key in seal_keys:
        opened = _decrypted(
            _expand(key, _tlv(b"reply-milter/1/original"), 64), _tlv(identifier.encode(), handler.encode()), sealed
        )
        if opened is not None:
            return opened
    return None


def _decrypted(key: bytes, associated: bytes, sealed: bytes) -> Original | None:
    try:
        return plain(AESSIV(key).decrypt(sealed, [associated])) if len(sealed) > 16 else None
    except InvalidTag:
        return None


def _base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def _octets(text: str) -> bytes | None:
    number = 0
    for character in text:
        number = number << 5 | _ALPHABET.index(character)
    spare = 5 * len(text) % 8
    if spare >= 5 or number & (1 << spare) - 1:
        return None
    return (number >> spare).to_bytes(5 * len(text) // 8, "big")
