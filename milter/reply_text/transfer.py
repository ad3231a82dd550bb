"""Decode Content-Transfer-Encoding (RFC 2045 section 6), also where it is broken."""

import binascii
import re
from typing import NamedTuple

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_BASE64 = bytes(octet for octet in range(256) if octet not in _ALPHABET)
_STRAY = re.compile(rb"[^A-Za-z0-9+/=\s]")


class Plain(NamedTuple):
    """Decoded octets, and whether the encoding was valid."""

    octets: bytes
    sound: bool


def decode(octets: bytes, encoding: str) -> Plain:
    """Decode ``encoding``, a field's value. Octets that can't be decoded stay as they are. Never raises; linear."""
    word = encoding.strip().lower()
    if word == "base64":
        return _base64(octets)
    if word == "quoted-printable":
        return Plain(binascii.a2b_qp(octets), True)
    return Plain(octets, not word or word in ("7bit", "8bit", "binary"))


def _base64(octets: bytes) -> Plain:
    """Decode up to the first padding, as all programs do: a mailing list may have appended text below.

    Text with characters outside of base64 is not base64, and stays as it is.
    """
    data, _, rest = octets.partition(b"=")
    if _STRAY.search(data):
        return Plain(octets, False)
    data = data.translate(None, _NO_BASE64)
    sound = len(data) % 4 != 1 and not rest.translate(None, b"= \t\r\n")
    data = data[: len(data) - (len(data) % 4 == 1)]
    return Plain(binascii.a2b_base64(data + b"=" * (-len(data) % 4)), sound)
