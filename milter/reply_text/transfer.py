"""Decode Content-Transfer-Encoding (RFC 2045 section 6), also where it is broken."""

import binascii
import re
from typing import NamedTuple

from reply_text import base64_runs

_STRAY = re.compile(rb"[^A-Za-z0-9+/=\s]")
_SPACED = re.compile(rb"\S[ \t]+\S")  # base64 has no blanks within a line; prose has
_RUNS_OCTETS = 4 << 20  # more than a text that is shown; a file is not searched line by line
_WHITE = b" \t\r\n\f\v"
_ENCODINGS = frozenset({"base64", "quoted-printable"})


class Plain(NamedTuple):
    """Decoded octets, and whether the encoding was valid. ``rest``: lines around base64 that are no base64."""

    octets: bytes
    sound: bool
    rest: bytes = b""


def encodes(encoding: str) -> bool:
    """Whether ``encoding``, a field's value, names an encoding that changes octets."""
    return encoding.strip().lower() in _ENCODINGS


def decode(octets: bytes, encoding: str) -> Plain:
    """Decode ``encoding``, a field's value. Octets that can't be decoded stay as they are. Never raises; linear."""
    word = encoding.strip().lower()
    if word == "base64":
        return _base64(octets)
    if word == "quoted-printable":
        return Plain(binascii.a2b_qp(octets), True)
    return Plain(octets, not word or word in ("7bit", "8bit", "binary"))


def _base64(octets: bytes) -> Plain:
    """Decode base64, or the lines of it if others stand around them: programs on the way append text, or put it above.

    Text without a line of base64 stays as it is. What is too long for a text is decoded up to its first padding.
    """
    data, _, padding = octets.partition(b"=")
    stray = _STRAY.search(data) is not None
    if not stray and not padding.translate(None, b"= \t\r\n") and not _SPACED.search(data):
        return Plain(base64_runs.plain_of(data.translate(None, _WHITE)), _is_whole(data))
    runs = base64_runs.decode(octets) if len(octets) <= _RUNS_OCTETS else None
    if runs is not None:
        return Plain(runs.octets, False, runs.rest)
    plain = b"" if stray else base64_runs.plain_of(data.translate(None, _WHITE))
    if stray or (_SPACED.search(data) and not base64_runs.is_text(plain)):
        return Plain(octets, False)
    return Plain(plain, _is_whole(data) and not padding.translate(None, b"= \t\r\n"))


def _is_whole(data: bytes) -> bool:
    return len(data.translate(None, _WHITE)) % 4 != 1
