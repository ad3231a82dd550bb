"""Write header fields line by line, in ASCII: what is written unfolds to one value, in whatever reader (RFC 5322).

Lines are joined by LF here; none is blank, and none but a single word exceeds 78 characters. Nobody's folding is kept:
a line of blanks alone ends the header for some readers.
"""

import base64
import unicodedata
from collections.abc import Iterable

_COLUMNS = 78  # RFC 5322 section 2.1.1
_OCTETS_PER_WORD = 39  # of UTF-8: with a field's name, an encoded word fits the 76 columns of RFC 2047 section 2
_WORD_LIMIT = 200
_BREAKS = frozenset({"Cc", "Zl", "Zp", "Cs"})  # what some reader may take for the end of a line, or can't write


def folded(name: str, words: Iterable[str]) -> str:
    """Write a field of ``words``, which hold no blank or none that may be folded; a blank stands between two."""
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) <= _COLUMNS or lines[-1] == f"{name}:":
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\n".join(lines)


def unstructured(name: str, text: str) -> str:
    """Write a field of any ``text``: as it is where that is plain ASCII, else in encoded words (RFC 2047)."""
    return folded(name, words_of(text))


def words_of(text: str) -> list[str]:
    """The words, or encoded words, that show as ``text``; whatever could end a line in it is a blank."""
    shown = "".join(" " if unicodedata.category(character) in _BREAKS else character for character in text).strip()
    words = shown.split(" ")
    plain = shown.isascii() and "=?" not in shown and "" not in words and max(map(len, words)) <= _WORD_LIMIT
    return words if plain else [f"=?utf-8?b?{base64.b64encode(piece).decode()}?=" for piece in _pieces(shown)]


def _pieces(text: str) -> Iterable[bytes]:
    """Cut the octets of ``text`` between characters, as each encoded word must hold whole ones."""
    piece = bytearray()
    for character in text:
        octets = character.encode()
        if len(piece) + len(octets) > _OCTETS_PER_WORD:
            yield bytes(piece)
            piece.clear()
        piece += octets
    if piece:
        yield bytes(piece)
