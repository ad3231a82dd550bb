"""Find blocks of header fields, which stand above the message that is answered: Outlook's, NetEase's, QQ's.

Most have labels that ``words`` knows. In other languages the form must do, with one more sign that a program wrote it:
a list of an address, a date and a place may be the author's.
"""

import re

from reply_text import moments, words
from reply_text.lines import Line
from reply_text.words import Label

_LINES = 16
_LABEL_CHARACTERS = 30
_LABEL_WORDS = 4
_LINE_CHARACTERS = 500
_UNKNOWN_LINES = range(3, 7)
_CONTINUED = re.compile(r"[@;<>]|mailto:")  # what further lines of a list of recipients hold
_CONTINUABLE = frozenset({Label.FROM, Label.TO, Label.OTHER})
_OUTLOOKS_ROW = re.compile(r"\s*_{20,200}\s*")
_PREFIXES = re.compile(r"(?:\s{0,9}[^\s:\uff1a]{1,8}\s?[:\uff1a])*+\s*")
_SUBJECT = 200  # characters that are compared
_TELLING = 8  # characters of a subject that may be a part of another


def end(lines: list[Line], index: int, subject: str = "") -> int | None:
    """Return the line behind the block that begins at ``index``; None if there is none.

    ``subject``: that of the answer, by which a block in an unknown language is known.
    """
    known = _known_end(lines, index)
    return known if known is not None else _unknown_end(lines, index, subject)


def above(lines: list[Line]) -> int:
    """Return where the block at the end of the lines begins; without one, their number."""
    last = len(lines)
    while last and lines[last - 1].blank:
        last -= 1
    if not last or label(lines[last - 1]) is None:
        return len(lines)
    starts = range(max(0, last - _LINES), last - 1)
    return next((start for start in starts if _known_end(lines, start) == last), len(lines))


def begins_quoted(lines: list[Line]) -> bool:
    """Whether quoted lines begin with a block, as Hotmail's do."""
    head = [Line(line.text.lstrip("> ")) for line in lines[:_LINES]]
    return bool(head) and _known_end(head, 0) is not None


def label(line: Line) -> Label | None:
    """Return what the line's label says; None without a known one."""
    named = _named(line)
    return words.LABELS.get(named[0].casefold()) if named else None


def _named(line: Line) -> tuple[str, str] | None:
    """Return label and value of ``Label: value``, ``| Label | value |`` or, from a table, ``Label`` TAB ``value``."""
    text = line.text[:_LINE_CHARACTERS]
    if text.startswith("|"):
        word, bar, value = text[1:].partition("|")
        return (_bare(word), value.rstrip("| \t")) if bar and len(word) <= _LABEL_CHARACTERS + 20 else None
    head = text[: _LABEL_CHARACTERS + 20].replace(words.COLONS[1], ":")
    at = min((place for place in (head.find(":"), head.find("\t", 1)) if place >= 0), default=-1)
    return (_bare(head[:at]), text[at + 1 :]) if at >= 0 else None


def _bare(word: str) -> str:
    return word.strip(" \t*\xa0")


def _known_end(lines: list[Line], index: int) -> int | None:
    """Return the line behind the block of known labels, in any order.

    Sender, date and subject; or sender, date and recipient, if there is an address. `From: Berlin, To: Hamburg, Date:
    Monday` describes a journey. A date must hold a number; recipients may continue for some lines.
    """
    labels: set[Label] = set()
    last, behind = None, index
    for line in lines[index : index + _LINES]:
        known = label(line)
        if known is None and (last not in _CONTINUABLE or not _CONTINUED.search(line.text)):
            break
        last, behind = known or last, behind + 1
        if known is not None and (known is not Label.DATE or any(map(str.isdigit, line.text))):
            labels.add(known)
        labels |= {Label.ADDRESS} if "@" in line.text else set()
    if {Label.FROM, Label.DATE} <= labels and (Label.SUBJECT in labels or {Label.TO, Label.ADDRESS} <= labels):
        return behind
    return None


def _unknown_end(lines: list[Line], index: int, subject: str) -> int | None:
    """Return the line behind a block whose labels are not known.

    Three to six lines `word: value` below a blank line or a row, the first with an address, another with year and time;
    and, because such a list may be the author's, one of them with the subject of the answer, or Outlook's row above.
    A blank line follows, unless the subject comes last.
    """
    row = index > 0 and _OUTLOOKS_ROW.fullmatch(lines[index - 1].text[:_LINE_CHARACTERS]) is not None
    if not row and index and not lines[index - 1].blank:
        return None
    named = _fields(lines, index)
    behind = index + len(named)
    if len(named) not in _UNKNOWN_LINES or "@" not in named[0][1]:
        return None
    values = [value for _, value in named[1:]]
    subjects = [_is_subject(value, subject) for value in values]
    ends = subjects[-1] or behind == len(lines) or lines[behind].blank
    return behind if ends and any(map(moments.is_dated, values)) and (row or any(subjects)) else None


def _fields(lines: list[Line], index: int) -> list[tuple[str, str]]:
    """Return the lines `word: value` from ``index`` on, one more than a block may have at most."""
    found: list[tuple[str, str]] = []
    for line in lines[index : index + _UNKNOWN_LINES.stop]:
        named = _named(line)
        if named is None or not _is_label(named[0]) or not named[1].strip():
            break
        found.append(named)
    return found


def _is_label(word: str) -> bool:
    plain = len(word) <= _LABEL_CHARACTERS and len(word.split()) <= _LABEL_WORDS
    return bool(word) and plain and not any(character.isdigit() or character in '@<>/"' for character in word)


def _is_subject(value: str, subject: str) -> bool:
    """Whether ``value`` is the subject of the message that ``subject`` answers; programs may add a tag to either."""
    ours, theirs = _comparable(value), _comparable(subject)
    return bool(ours) and (ours == theirs or (len(ours) >= _TELLING and ours in theirs))


def _comparable(subject: str) -> str:
    """Return a subject without `Re:` and the like, in one spelling."""
    plain = " ".join(subject[:_SUBJECT].casefold().split())
    prefixes = _PREFIXES.match(plain)
    return plain[prefixes.end() :] if prefixes else plain
