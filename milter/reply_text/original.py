"""Find where the message that is answered begins, in mail that does not quote it by lines, such as Outlook's."""

import re

from reply_text import attribution, words
from reply_text.lines import Line, Role
from reply_text.words import Label

_BLOCK_LINES = 16
_ATTRIBUTION_LINES = 4  # one of three lines, and the first that is quoted
_LABEL_CHARACTERS = 30
_CONTINUED = re.compile(r"[@;<>]|mailto:")  # what further lines of a list of recipients hold
_CONTINUABLE = frozenset({Label.FROM, Label.TO, Label.OTHER})
_SEPARATOR = re.compile(r"\s*(?:_{5,}|-{3,}|={5,}|\*{3,})\s*")


def start(lines: list[Line]) -> int | None:
    """Return the first line of the message that is answered, separators above it included; None if there is none.

    Its signs are the program's own mark in HTML, a separator in words, a block of header fields, or an attribution that
    can't be prose. The last three count only if no quoted lines follow, which are found by other means.
    """
    for index, line in enumerate(lines):
        if line.role is Role.ORIGINAL:
            return above_separators(lines, index)
        begins = None if line.quotes or line.blank else _opening(lines, index)
        if begins is not None:
            return above_separators(lines, begins)
    return None


def _opening(lines: list[Line], index: int) -> int | None:
    """Return where the opening of a message begins, if ``index`` is its first or last line."""
    ends = None if index and _label(lines[index - 1]) else _block_end(lines, index)
    if ends is not None:
        return None if _quote_follows(lines, ends, 1) else index
    if _is_separator(lines[index]):
        return None if _quote_follows(lines, index + 1, _ATTRIBUTION_LINES) else index
    begins = attribution.unquoted(lines, index)
    return None if begins is not None and _quote_follows(lines, index + 1, 1) else begins


def block_above(lines: list[Line]) -> int:
    """Return where the block of header fields at the end of the lines begins; without one, their number."""
    end = len(lines)
    while end and lines[end - 1].blank:
        end -= 1
    if not end or _label(lines[end - 1]) is None:
        return len(lines)
    starts = range(max(0, end - _BLOCK_LINES), end - 1)
    return next((start for start in starts if _block_end(lines, start) == end), len(lines))


def is_quoted_block(lines: list[Line]) -> bool:
    """Whether quoted lines begin with a block of header fields, as Hotmail's do."""
    head = [Line(line.text.lstrip("> ")) for line in lines[:_BLOCK_LINES]]
    return bool(head) and _block_end(head, 0) is not None


def above_separators(lines: list[Line], index: int) -> int:
    """Move ``index`` above separators and blank lines."""
    while index and (lines[index - 1].blank or _is_separator(lines[index - 1]) or _is_drawn(lines[index - 1])):
        index -= 1
    return index


def header_end(lines: list[Line]) -> int:
    """Return the line behind the separators and the block of header fields with which an answered message begins."""
    top = list(enumerate(lines[:_BLOCK_LINES]))
    first = next((index for index, line in top if not (line.blank or _is_separator(line) or _is_drawn(line))), 0)
    return _block_end(lines, first) or first


def forwarded(lines: list[Line], quoted: bool) -> int | None:
    """Return the line with which a forwarded message begins, which the author wants to be read.

    ``quoted`` allows it to be quoted, as Apple's programs write it; in an answer, that is from the message below.
    """
    for index, line in enumerate(lines):
        if words.FORWARDED.fullmatch(line.text[:200]) and (quoted or not line.quotes):
            return index
    return None


def _block_end(lines: list[Line], index: int) -> int | None:
    """Return the line behind the block of header fields that begins here, in any order; None if there is none.

    Sender, date and subject; or sender, date and recipient, if there is an address. `From: Berlin, To: Hamburg, Date:
    Monday` describes a journey. A date must hold a number; recipients may continue for some lines.
    """
    labels: set[Label] = set()
    last, end = None, index
    for line in lines[index : index + _BLOCK_LINES]:
        label = _label(line)
        if label is None and (last not in _CONTINUABLE or not _CONTINUED.search(line.text)):
            break
        last, end = label or last, end + 1
        if label is not None and (label is not Label.DATE or any(map(str.isdigit, line.text))):
            labels.add(label)
        labels |= {Label.ADDRESS} if "@" in line.text else set()
    if {Label.FROM, Label.DATE} <= labels and (Label.SUBJECT in labels or {Label.TO, Label.ADDRESS} <= labels):
        return end
    return None


def _label(line: Line) -> Label | None:
    word, colon, _ = line.text[: _LABEL_CHARACTERS + 20].replace(words.COLONS[1], ":").partition(":")
    return words.LABELS.get(word.strip(" \t*\xa0").casefold()) if colon else None


def _is_separator(line: Line) -> bool:
    return words.ORIGINAL_MESSAGE.fullmatch(line.text[:200]) is not None


def _is_drawn(line: Line) -> bool:
    return _SEPARATOR.fullmatch(line.text[:200]) is not None


def _quote_follows(lines: list[Line], index: int, within: int) -> bool:
    """Whether one of the next ``within`` lines is quoted, blank lines not counted."""
    below = [line for line in lines[index : index + within + 3] if not line.blank]
    return any(line.quotes for line in below[:within])
