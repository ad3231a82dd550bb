"""Find signatures: below ``-- `` (RFC 3676 section 4.3), in an element that says so, or a phone's one line."""

from reply_text import words
from reply_text.lines import Line, Role

_LINES_BELOW_DASHES = (
    10  # below `--` without the space, a signature has at most so many lines: prose may have dashes, too
)
_PHONE_CHARACTERS = 120
_PHONE_LINES = 3  # of one that was wrapped
_LINKED_CHARACTERS = 1500  # with its link
_LINKED_WORDS = 8  # of a language that is unknown
_SENTENCE_ENDS = (".", "!", "?", ":", "。")
_AROUND = " \t<>()[]*_.\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"  # bidi controls


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
    """Remove a phone's or a program's line at the end, which may be wrapped."""
    end = _end(lines)
    for start in range(end - 1, max(0, end - _PHONE_LINES) - 1, -1):
        if lines[start].blank or len(lines[start].text) > _LINKED_CHARACTERS:
            break
        text = " ".join(line.text.strip() for line in lines[start:end])
        if _is_phones(text) or (start == end - 1 and _is_programs(lines, start)):
            return lines[:start]
    return lines


def _is_phones(text: str) -> bool:
    plain = _without_links(text)
    return len(plain) <= _PHONE_CHARACTERS and words.PHONE.fullmatch(plain) is not None


def _is_programs(lines: list[Line], index: int) -> bool:
    """Whether a line is a paragraph of few words around the link that a program signs with, in whatever language.

    It stands below other text, and is no sentence.
    """
    text = lines[index].text.rstrip()
    plain = _without_links(text)
    if len(plain) > _PHONE_CHARACTERS or len(plain.split()) > _LINKED_WORDS or text.endswith(_SENTENCE_ENDS):
        return False
    if not index or not lines[index - 1].blank:
        return False
    return words.PROGRAM_LINK.search(text) is not None and words.PROGRAM.search(plain) is not None


def _without_links(text: str) -> str:
    return words.LINK.sub("", text).strip(_AROUND)


def _end(lines: list[Line]) -> int:
    """Return the number of lines without blank ones at the end."""
    end = len(lines)
    while end and lines[end - 1].blank:
        end -= 1
    return end
