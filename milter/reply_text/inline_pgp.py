"""Take the armour off a text that was signed with OpenPGP within the text (RFC 9580 section 7). No key is needed.

The signature is not verified: who may post is decided by the milter, from the address and the author.
"""

import re
from itertools import dropwhile
from typing import NamedTuple

from reply_text.lines import Line

_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"

_FIELD = re.compile(r"(?:Hash|Charset|Comment|Version|MessageID|NotDashEscaped):")
_FOLDED = re.compile(r"https?://\S{1,200}")  # the end of a comment that was wrapped
_RADIX = re.compile(r"[A-Za-z0-9+/=]{1,100}")
_ESCAPE = "- "
_FIELDS = 12
_SIGNATURE_LINES = 200  # the longest signatures of today have about thirty


class _Block(NamedTuple):
    """Line numbers of a signed text: its armour begins, its text begins, its text ends, its armour ends."""

    begin: int
    text: int
    signature: int
    end: int


def without_armour(lines: list[Line]) -> list[Line]:
    """Remove the armour of every complete signed text, and undo its dash-escapes (section 7.2).

    Incomplete armour stays, since the author's words may stand within it; quoted armour stays with its quote.
    """
    kept: list[Line] = []
    position = 0
    for block in _blocks(lines):
        escaped = not any(line.text.startswith("NotDashEscaped:") for line in lines[block.begin : block.text])
        own = lines[block.text : block.signature]
        kept += lines[position : block.begin]
        kept += [_unescaped(line) for line in own] if escaped else own
        position = block.end
    return kept + lines[position:]


def _blocks(lines: list[Line]) -> list[_Block]:
    """Find the signed texts, in order. The text of one holds no line that begins another: it would be escaped."""
    blocks: list[_Block] = []
    begin: int | None = None
    for index, line in enumerate(lines):
        if not line.text.startswith("-----"):
            continue
        word = line.text.rstrip()
        if word == _BEGIN:
            begin = index
        elif word == _SIGNATURE and begin is not None:
            end = _end(lines, index)
            if end is not None:
                blocks.append(_Block(begin, _text(lines, begin + 1, index), index, end))
            begin = None
    return blocks


def _text(lines: list[Line], index: int, end: int) -> int:
    """Return the line behind the fields and the blank line that ends them."""
    fields = 0
    while index + fields < min(end, index + _FIELDS) and _FIELD.match(lines[index + fields].text):
        fields += 1
    index += fields
    return index + (index < end and lines[index].blank)


def _end(lines: list[Line], index: int) -> int | None:
    """Return the line behind the signature that begins at ``index``; None if what follows is not one."""
    words = [line.text.strip() for line in lines[index + 1 : index + _SIGNATURE_LINES]]
    if _END not in words:
        return None
    inner = words[: words.index(_END)]
    data = dropwhile(lambda word: _FIELD.match(word) or _FOLDED.fullmatch(word), inner)
    sound = all(not word or _RADIX.fullmatch(word) for word in data)
    return index + len(inner) + 2 if sound else None


def _unescaped(line: Line) -> Line:
    return line._replace(text=line.text[len(_ESCAPE) :]) if line.text.startswith(_ESCAPE) else line
