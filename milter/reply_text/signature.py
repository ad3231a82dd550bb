"""Find signatures: below ``-- `` (RFC 3676 section 4.3), in an element that says so, or a phone's one line."""

from reply_text import words
from reply_text.lines import Line, Role

_LINES_BELOW_DASHES = (
    10  # below `--` without the space, a signature has at most so many lines: prose may have dashes, too
)
_PHONE_CHARACTERS = 120


def without(lines: list[Line]) -> list[Line]:
    """Remove the signature at the end of one author's lines. A signature has no other text below it."""
    kept = _above_dashes(_without_marked(lines))
    return _without_phone(kept)


def _without_marked(lines: list[Line]) -> list[Line]:
    """Remove what the program marked as a signature, if it comes last."""
    end = _end(lines)
    start = end
    while start and (lines[start - 1].role is Role.SIGNATURE or (lines[start - 1].blank and start < end)):
        start -= 1
    return lines[:start] if start < end else lines


def _above_dashes(lines: list[Line]) -> list[Line]:
    """Cut at ``-- ``; or, if few lines follow, at ``--``, as transports and renderers leave it."""
    end = next((index for index, line in enumerate(lines) if line.text == "-- "), len(lines))
    filled = 0
    for index in range(end - 1, -1, -1):
        if lines[index].text == "--":
            end = index
        filled += not lines[index].blank
        if filled > _LINES_BELOW_DASHES:
            break
    return lines[:end]


def _without_phone(lines: list[Line]) -> list[Line]:
    """Remove a phone's line at the end."""
    end = _end(lines)
    last = lines[end - 1].text.strip(" \t<>()[]*_.") if end else ""
    return lines[: end - 1] if len(last) <= _PHONE_CHARACTERS and words.PHONE.fullmatch(last) else lines


def _end(lines: list[Line]) -> int:
    """Return the number of lines without blank ones at the end."""
    end = len(lines)
    while end and lines[end - 1].blank:
        end -= 1
    return end
