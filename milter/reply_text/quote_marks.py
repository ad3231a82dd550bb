"""Mark lines that are quoted in another way than by ``>`` in their first column.

Three ways, each of which needs another sign beside it, because authors also write such lines: one to three blanks
before ``>``, a prefix such as ``Richard>`` or ``|``, and the rest of a quoted line that was wrapped without a mark.
"""

import re
from collections.abc import Iterator

from reply_text import attribution
from reply_text.lines import Line, Role

_INDENTED = re.compile(r" {1,3}>")
_PREFIX = re.compile(r"[^\W\d_][\w.-]{0,14}>|\|(?=\s|\Z)")  # Supercite's `Richard>`, and `|` of tin, trn and VM
_PREFIX_CHARACTERS = 20
_MOVED_IN = 8  # blanks at most before a prefix
_SUPERCITE = ">>>>> "  # how Supercite's attribution begins
_ADDRESS_LINES = 5

_NARROW = 50  # characters: no program wraps a line that is shorter
_REST_LINES = 8
_SENTENCE_ENDS = (".", "!", "?", ":", ";", "\u3002", "\uff01", "\uff1f", "\u061f", ")", '"')
_LINK_SIGNS = frozenset("/=&%_#?")
_LINK_REST = range(6, 2000)  # characters of a link's rest
_LONG_WORD = 16  # characters that hardly a word of an answer has


def marked(lines: list[Line]) -> list[Line]:
    """Give indented and prefixed quotes the role CITED."""
    return _prefixed(_indented(lines))


def rests(lines: list[Line]) -> list[Line]:
    """Give the rests of quoted lines that a program wrapped without `>` the role CITED.

    A rest stands directly between quoted lines, and its first word did not fit on the line above. An answer may do so,
    too; so a block of quoted lines has rests only, or none: and at least half of them go on within a sentence.
    """
    found = list(lines)
    for start, end in _blocks(lines):
        places = _rests_of(lines, start, end)
        for place in places:
            found[place] = _cited(lines[place])
    return found


def _cited(line: Line) -> Line:
    return line._replace(role=Role.CITED)


def _indented(lines: list[Line]) -> list[Line]:
    """Mark lines with `>` behind one to three blanks: next to quoted lines, or below an attribution.

    Where no quoted line begins in the first column, the program moves in all of them.
    """
    found = list(lines)
    all_moved_in = not any(line.quotes for line in lines)
    certain = False
    for start, end in _indented_runs(lines):
        beside = (start > 0 and found[start - 1].quotes) or (end < len(found) and found[end].quotes)
        certain = (certain and all_moved_in) or attribution.above(lines, start) < start
        if beside or certain:
            found[start:end] = map(_cited, found[start:end])
    return found


def _indented_runs(lines: list[Line]) -> Iterator[tuple[int, int]]:
    start = -1
    for place, line in enumerate([*lines, Line("")]):
        if line.role is Role.UNKNOWN and _INDENTED.match(line.text[:4]):
            start = place if start < 0 else start
        elif start >= 0:
            yield start, place
            start = -1


def _prefixed(lines: list[Line]) -> list[Line]:
    """Mark lines that begin with one prefix, from an attribution on, blank lines between them included."""
    found = list(lines)
    place = 0
    while place < len(lines):
        prefix = _prefix(lines[place])
        end = _end_of_prefix(lines, place, prefix) if prefix and _is_attributed(lines, place, prefix) else place
        found[place:end] = map(_cited, found[place:end])
        place = max(end, place + 1)
    return found


def _prefix(line: Line) -> str:
    moved_in = _unindented(line)[:_PREFIX_CHARACTERS]
    found = _PREFIX.match(moved_in) if line.role is Role.UNKNOWN else None
    return found[0] if found else ""


def _unindented(line: Line) -> str:
    text = line.text.lstrip(" ")
    return text if len(line.text) - len(text) <= _MOVED_IN else line.text


def _end_of_prefix(lines: list[Line], place: int, prefix: str) -> int:
    """Return the line behind the last with the prefix. Names change from line to line; `|` goes on alone."""
    end = place
    while place < len(lines) and (lines[place].blank or _goes_on_prefixed(lines[place], prefix)):
        place += 1
        end = end if lines[place - 1].blank else place
    return end


def _goes_on_prefixed(line: Line, prefix: str) -> bool:
    if prefix == "|":
        return _prefix(line) == prefix
    return line.quotes or _unindented(line).startswith(">") or _prefix(line) not in ("", "|")


def _is_attributed(lines: list[Line], place: int, prefix: str) -> bool:
    """Whether an attribution stands above. Where tables begin with the prefix, it must name an address."""
    start = attribution.above(lines, place)
    if start == place:
        return any(line.text.startswith(_SUPERCITE) for line in lines[max(0, place - 2) : place])
    return prefix != "|" or any("@" in line.text for line in lines[start : start + _ADDRESS_LINES])


def _blocks(lines: list[Line]) -> Iterator[tuple[int, int]]:
    """Yield runs of lines that are not blank, from the first quoted line to behind the last."""
    start = end = -1
    for place, line in enumerate([*lines, Line("")]):
        if line.blank and start >= 0:
            yield start, end
            start = -1
        elif line.quotes:
            start, end = place if start < 0 else start, place + 1


def _rests_of(lines: list[Line], start: int, end: int) -> list[int]:
    """Return the lines of a block that are rests; none if one of its lines without a mark is no rest."""
    width = max(len(line.text.rstrip()) for line in lines[start:end] if line.quotes)
    places = [place for place in range(start, end) if not lines[place].quotes]
    if not all(_is_too_long(lines[place - 1], lines[place], width) for place in places):
        return []
    if any(_follows(lines, place, end) > _REST_LINES for place in places if lines[place - 1].quotes):
        return []
    going_on = sum(_goes_on_in_text(lines[place - 1].text, lines[place].text) for place in places)
    return places if going_on * 2 >= len(places) else []


def _follows(lines: list[Line], place: int, end: int) -> int:
    return next((step for step in range(_REST_LINES + 1) if lines[min(place + step, end - 1)].quotes), _REST_LINES + 1)


def _is_too_long(above: Line, line: Line, width: int) -> bool:
    """Whether the first word would not have fit above, in lines of this width; or is the rest of a link."""
    text, word = above.text.rstrip(), line.text.split(maxsplit=1)[0]
    return (len(text) >= _NARROW and len(text) + 1 + len(word) > width) or _breaks_link(text, line.text)


def _goes_on_in_text(above: str, text: str) -> bool:
    """Whether the line goes on with a sentence or a link of the line above."""
    return _breaks_link(above.rstrip(), text) or not (above.rstrip().endswith(_SENTENCE_ENDS) or text[:1].isupper())


def _breaks_link(above: str, text: str) -> bool:
    """Whether a link at the end of the line above goes on: in one word that is hardly an answer."""
    last = above[-_LINK_REST.stop :].rsplit(maxsplit=1)[-1:]
    rest = text.strip()
    if not last or "://" not in last[0] or len(rest) not in _LINK_REST or len(rest.split(maxsplit=1)) > 1:
        return False
    return len(rest) >= _LONG_WORD or bool(_LINK_SIGNS & set(rest))
