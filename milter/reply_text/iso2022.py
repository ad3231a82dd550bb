"""Decode Japanese ISO-2022 text (RFC 1468, RFC 1554) as programs write it, which is Microsoft's code page 50221.

To the characters of RFC 1468 it adds NEC's row 13, IBM's extensions and half-width kana. Python's codecs refuse these,
and all of a text with them. Here, only a pair of octets that is no character becomes U+FFFD.
"""

import re
from functools import cache

# Escape sequences that choose a set of characters. SO and SI choose kana and ASCII, as in code page 50222.
_SHIFT = re.compile(rb"\x1b(?:\$[@AB]|\$\([@ABCDOPQ]|\([BHIJ])|[\x0e\x0f]")
_MARK = re.compile(rb"\x1b[$(][@ABCDHIJOPQ()]")
_RUN = re.compile(rb"([\x21-\x7e]+)|[^\x21-\x7e]+")

_KANJI = frozenset({b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B"})
_KANA = frozenset({b"\x1b(I", b"\x0e"})
_ROMAN = frozenset({b"\x1b(J", b"\x1b(H"})
# Sets that code page 50221 does not have: the character sets of China and Korea, and the rarer ones of Japan.
_CODECS = {
    b"\x1b$A": "iso2022_jp_2", b"\x1b$(A": "iso2022_jp_2", b"\x1b$(C": "iso2022_jp_2", b"\x1b$(D": "iso2022_jp_1",
    b"\x1b$(O": "iso2022_jp_3", b"\x1b$(P": "iso2022_jp_3", b"\x1b$(Q": "iso2022_jp_2004",
}  # fmt: skip
_KOREAN = b"\x1b$)C"  # RFC 1557: stands once, on top
_ROMAN_SIGNS = {0x5C: "\xa5", 0x7E: "\u203e"}
_UNKNOWN = "\ufffd"
_NO_CHARACTERS = dict.fromkeys(range(0xF8F0, 0xF8F4), _UNKNOWN)  # what code page 932 makes of octets that it leaves out
_HALF_WIDTH = 0xFF40  # what is added to an octet of kana


def is_marked(octets: bytes) -> bool:
    """Whether this is ISO-2022 text, whatever was declared: seven bits, and an escape sequence that chooses a set."""
    return octets.isascii() and _MARK.search(octets) is not None


def is_korean(octets: bytes) -> bool:
    """Whether the text announces RFC 1557's character set."""
    return _KOREAN in octets


def decode(octets: bytes) -> tuple[str, bool]:
    """Return the text, and whether all octets are valid in it. Linear; never raises.

    A line end returns to ASCII, as RFC 1468 asks programs to do before it. Octets above 127 are read as Shift_JIS.
    """
    pieces: list[str] = []
    shift, position = b"", 0
    for found in _SHIFT.finditer(octets):
        pieces.append(_segment(octets[position : found.start()], shift))
        shift, position = found[0], found.end()
    pieces.append(_segment(octets[position:], shift))
    text = "".join(pieces)
    return text, octets.isascii() and _UNKNOWN not in text and "\x1b" not in text


def _segment(octets: bytes, shift: bytes) -> str:
    """Decode what stands between two escape sequences."""
    line, line_end, rest = octets.partition(b"\n")
    return _line(line, shift) + _ascii(line_end + rest)


def _line(octets: bytes, shift: bytes) -> str:
    if shift in _ROMAN:
        return _ascii(octets).translate(_ROMAN_SIGNS)
    if shift not in _KANJI and shift not in _KANA and shift not in _CODECS:
        return _ascii(octets)
    return "".join(_shifted(found[1], shift) if found[1] else _ascii(found[0]) for found in _RUN.finditer(octets))


def _shifted(run: bytes, shift: bytes) -> str:
    if shift in _KANJI:
        return "".join([_kanji(run[at : at + 2]) for at in range(0, len(run), 2)])
    if shift in _KANA:
        return "".join([chr(_HALF_WIDTH + octet) if octet < 0x60 else _UNKNOWN for octet in run])
    codec = _CODECS[shift]
    return (shift.replace(b"(A", b"A") + run).decode(codec, "replace")


def _ascii(octets: bytes) -> str:
    return octets.decode("ascii") if octets.isascii() else octets.decode("cp932", "replace").translate(_NO_CHARACTERS)


@cache  # at most one entry for each pair of octets
def _kanji(pair: bytes) -> str:
    """Return the character of a row and a cell, by their octets in Shift_JIS."""
    if len(pair) < 2:
        return _UNKNOWN
    row, cell = pair
    lead = (row - 0x21) // 2 + (0x81 if row < 0x5F else 0xC1)
    trail = cell + ((0x1F if cell < 0x60 else 0x20) if row % 2 else 0x7E)
    try:
        return bytes((lead, trail)).decode("cp932")
    except UnicodeDecodeError:
        return _UNKNOWN
