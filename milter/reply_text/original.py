"""Find where the message that is answered begins, in mail that does not quote it by lines, such as Outlook's."""

import re

from reply_text import attribution, header_block, moments, notes, words
from reply_text.lines import Line, Role

_ATTRIBUTION_LINES = 4  # one of three lines, and the first that is quoted
_LINE_CHARACTERS = 500
_HEADING_LINES = 16
_SEPARATOR = re.compile(r"\s*(?:_{5,}|-{3,}|={5,}|\*{3,})\s*")
# `--- Original ---`, in any language: a separator only above a block of header fields.
_WORDED_ROW = re.compile(r"[\s*]*-{3,40}[\s*]*[^\s*-][^-]{0,60}-{3,40}[\s*]*")
_GROUPWISE = re.compile(r">>>\s(?=.*\w).*\s>>>\s*")


def start(lines: list[Line], subject: str = "") -> int | None:
    """Return the first line of the message that is answered, separators above it included; None if there is none.

    Its signs are the program's own mark in HTML, a separator in words, a block of header fields, or an attribution that
    can't be prose. The last three count only if no quoted lines follow, which are found by other means. ``subject``:
    that of the answer.
    """
    for index, line in enumerate(lines):
        if line.role is Role.ORIGINAL or _is_groupwise(line):
            return above_separators(lines, index)
        begins = None if line.quotes or line.blank else _opening(lines, index, subject)
        if begins is not None:
            return begins
    return None


def above_separators(lines: list[Line], index: int) -> int:
    """Move ``index`` above separators and blank lines."""
    while index and (lines[index - 1].blank or _is_separator(lines[index - 1]) or _is_drawn(lines[index - 1])):
        index -= 1
    return index


def header_end(lines: list[Line], subject: str) -> int:
    """Return the line behind the separators and the block of header fields with which an answered message begins."""
    top = enumerate(lines[:_HEADING_LINES])
    first = next((index for index, line in top if not (line.blank or _is_row(line))), 0)
    return _block_end(lines, first, subject) or first


def _is_row(line: Line) -> bool:
    return _is_separator(line) or _is_drawn(line) or _is_worded_row(line)


def forwarded(lines: list[Line], quoted: bool) -> int | None:
    """Return the line with which a forwarded message begins, which the author wants to be read.

    ``quoted`` allows it to be quoted, as Apple's programs write it; in an answer, that is from the message below.
    """
    for index, line in enumerate(lines):
        if _is_forwarded(line) and (quoted or not line.quotes):
            return index
    return None


def _opening(lines: list[Line], index: int, subject: str) -> int | None:
    """Return where the opening of a message begins, if ``index`` is its first or last line."""
    ends = _block_end(lines, index, subject)
    if ends is not None:
        return None if _quote_follows(lines, ends, 1) else _above_rows(lines, index)
    if _is_separator(lines[index]):
        return None if _quote_follows(lines, index + 1, _ATTRIBUTION_LINES) else above_separators(lines, index)
    begins = attribution.unquoted(lines, index)
    if begins is None or _quote_follows(lines, index + 1, 1):
        return None
    return above_separators(lines, begins)


def _block_end(lines: list[Line], index: int, subject: str) -> int | None:
    """Return the line behind a block of header fields that begins here, one below the other or in Notes' ways."""
    if index and header_block.label(lines[index - 1]):
        return None
    ends = header_block.end(lines, index, subject)
    return ends if ends is not None else notes.end(lines, index)


def _above_rows(lines: list[Line], index: int) -> int:
    """Move ``index``, where a block begins, above rows with words and without, and blank lines."""
    above = above_separators(lines, index)
    while above and _is_worded_row(lines[above - 1]):
        above = above_separators(lines, above - 1)
    return above


def _is_worded_row(line: Line) -> bool:
    return _WORDED_ROW.fullmatch(line.text[:200]) is not None and not _is_forwarded(line)


def _is_forwarded(line: Line) -> bool:
    return words.FORWARDED.fullmatch(line.text[:200]) is not None


def _is_separator(line: Line) -> bool:
    return words.ORIGINAL_MESSAGE.fullmatch(line.text[:200]) is not None


def _is_drawn(line: Line) -> bool:
    return _SEPARATOR.fullmatch(line.text[:200]) is not None


def _is_groupwise(line: Line) -> bool:
    """Whether the line is GroupWise's `>>> Shop <shop@example.com> 11/26/2026 3:41 PM >>>`."""
    text = line.text[:_LINE_CHARACTERS]
    return text.startswith(">>> ") and _GROUPWISE.fullmatch(text) is not None and moments.is_dated(text)


def _quote_follows(lines: list[Line], index: int, within: int) -> bool:
    """Whether one of the next ``within`` lines is quoted, blank lines not counted."""
    below = [line for line in lines[index : index + within + 3] if not line.blank]
    return any(line.quotes for line in below[:within])
