"""Find the lines of base64 in a body that programs on the way added text to: a banner, a disclaimer, a list's footer.

Base64 has lines of one length, and a shorter one at its end. Several long lines are no prose. A line by itself may be a
word or a path, so it counts only if it doesn't look like one, and if what it stands for is text.
"""

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE = re.compile(rb"[A-Za-z0-9+/][A-Za-z0-9+/=]*+")
_STRAY = re.compile(rb"[^A-Za-z0-9+/=]")
_DATA = re.compile(rb"[A-Za-z0-9+/]+")  # up to its padding: what another program appended may be base64 as well
_WORD = re.compile(rb"[A-Za-z]?[a-z]*+|[A-Z]*+|[0-9]*+|(.)\1*+")
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_AROUND = b" \t\r\0\xef\xbb\xbf"  # blanks, NUL, and a byte order mark
_LONG = 40  # characters: no word has so many
_MENDABLE = 16  # characters of a line in which one stray character is ignored
_FIRST = 24  # characters of a first line that may be text in another charset than UTF-8


class Runs(NamedTuple):
    """What the lines of base64 stand for, and all other lines, without blank ones around them."""

    octets: bytes
    rest: bytes


def decode(octets: bytes) -> Runs | None:
    """Return the decoded lines and the rest; None if there is no line of base64. Linear."""
    decoded: list[bytes] = []
    rest: list[bytes] = []
    for lines in _runs(octets.split(b"\n")):
        data = [_mended(line) for line in lines]
        plain = plain_of(b"".join(data)) if _LINE.fullmatch(data[0]) else b""
        if plain and (_is_block(data) or _is_line(data[0], plain, first=not decoded)):
            decoded.append(plain)
        else:
            rest += lines
    return Runs(b"".join(decoded), b"\n".join(rest).strip(_AROUND + b"\n")) if decoded else None


def plain_of(encoded: bytes) -> bytes:
    """Decode characters of base64, with padding at any place. An incomplete octet at the end is left out."""
    pieces = (found[0] for found in _DATA.finditer(encoded))
    whole = (piece[: len(piece) - (len(piece) % 4 == 1)] for piece in pieces)
    return b"".join(binascii.a2b_base64(piece + b"=" * (-len(piece) % 4)) for piece in whole)


def is_text(plain: bytes) -> bool:
    """Whether these octets are UTF-8 without control characters."""
    if _CONTROL.search(plain):
        return False
    try:
        plain.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _runs(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Yield lines of one length with the shorter one below them, and each line that is no base64 by itself."""
    run: list[bytes] = []
    length = 0  # of the lines of the run; 0: it has ended
    for line in lines:
        data = _mended(line)
        size = len(data) if _LINE.fullmatch(data) else 0
        if run and not 0 < size <= length:
            yield run
            run = []
        length = size if not run or size == length else 0
        run.append(line)
    yield run


def _mended(line: bytes) -> bytes:
    """Return a line without what stands around it, and without one stray character within."""
    data = line.strip(_AROUND)
    if len(data) < _MENDABLE or b"://" in data:
        return data
    cleaned = _STRAY.sub(b"", data)
    return cleaned if len(cleaned) == len(data) - 1 else data


def _is_block(data: list[bytes]) -> bool:
    return len(data) > 1 and len(data[0]) >= _LONG and not _WORD.fullmatch(data[0])


def _is_line(line: bytes, plain: bytes, first: bool) -> bool:
    """Whether a line by itself is base64, and neither a word nor a path."""
    if _WORD.fullmatch(line):
        return False
    return is_text(plain) or (first and len(line) >= _FIRST and not _CONTROL.search(plain))
