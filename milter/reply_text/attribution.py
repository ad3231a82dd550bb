"""Find lines that say whose words follow: ``On Monday, Jane wrote:``, in some thirty languages of mail programs.

Three signs count: an address, a moment, a word for writing. No pattern has two unbounded runs in a row, and at most a
few hundred characters are searched, so the time is linear for any text.
"""

import re

from reply_text import words
from reply_text.lines import Line, Role

_LINES = 4  # the most lines of a wrapped attribution
_CHARACTERS = 500
_COLUMN = 65  # a line was wrapped if the next word would have passed this column
_MOMENT_LAST = re.compile(r"(?:\d|\b[A-Z]{2,5}|\))\s*\Z")  # a time, a time zone

_ENDS = (*words.COLONS, "--", ">")
_ADDRESS = re.compile(r"[^\s@]@[^\s@.]{1,63}\.[^\s@]")
_NAMED = re.compile(r"@|--")  # without one of them, it names no author
_ADDRESS_LAST = re.compile(r"@[^\s<>@]{1,255}[>)]\W{0,2}\Z")
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:h]\s?\d{2}(?!\d)|\bkl[.o]? ?\d{1,2}\.\d{2}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_DASHED = re.compile(r"\s*+--(?=.*\w).*--\s*+")  # Zoho, some Androids: `---- On ..., Jane wrote ----`
_ISO_DATE = re.compile(r"\d{4}[/-]\d{1,2}[/-]\d{1,2}\b")  # Gmail until 2013: no word and no colon
_DAY = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_SHORT_DATE = re.compile(r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d)")


def above(lines: list[Line], end: int) -> int:
    """Return the first line of the attribution above ``end``, blank lines not counted; ``end`` if there is none."""
    last = end
    while last > max(0, end - 3) and lines[last - 1].blank:
        last -= 1
    if last and lines[last - 1].role is Role.ATTRIBUTION:
        return _marked(lines, last)
    start = _smallest(lines, last)
    return end if start is None else _widened(lines, start, last)


def within(lines: list[Line]) -> bool:
    """Whether quoted lines begin with an attribution, as those of Apple's programs do."""
    unquoted = [Line(line.text.lstrip("> ")) for line in lines[: _LINES + 2]]
    first = next((index for index, line in enumerate(unquoted) if not line.blank), 0)
    return any(_joined(unquoted, first, end) for end in range(first + 1, min(first + _LINES, len(unquoted)) + 1))


def unquoted(lines: list[Line], index: int) -> int | None:
    """Return the first line of an attribution that ends with line ``index`` and needs no quote below it.

    It must name an address, a day and a time, as prose hardly ever does.
    """
    near = lines[max(0, index + 1 - _LINES) : index + 1]
    if not lines[index].text.rstrip().endswith(_ENDS) or not any(
        "@" in line.text or "--" in line.text for line in near
    ):
        return None
    start = _smallest(lines, index + 1)
    if start is None:
        return None
    start = _widened(lines, start, index + 1)
    text = " ".join(line.text for line in lines[start : index + 1])
    named = _ADDRESS.search(text) or _DASHED.fullmatch(text)
    return start if named and _TIME.search(text) and _has_date(text) else None


def _marked(lines: list[Line], end: int) -> int:
    start = end
    while start and (lines[start - 1].role is Role.ATTRIBUTION or lines[start - 1].blank):
        start -= 1
    return start


def _smallest(lines: list[Line], end: int) -> int | None:
    """Return the start of the fewest lines above ``end`` that make an attribution."""
    for start in range(end - 1, max(-1, end - 1 - _LINES), -1):
        if lines[start].blank or lines[start].quotes:
            return None
        if _joined(lines, start, end):
            return start
    return None


def _widened(lines: list[Line], start: int, end: int) -> int:
    """Return a start further up, if the moment is missing and stands on a line above."""
    if any(_moment(line.text) for line in lines[start:end]):
        return start
    for higher in range(start - 1, max(-1, end - 1 - _LINES), -1):
        line = lines[higher]
        if line.blank or line.quotes or not (_wrapped(line, lines[higher + 1]) or _ends_in_moment(line)):
            return start
        if words.OPENING.match(line.text) and _moment(line.text) and _joined(lines, higher, end):
            return higher
    return start


def _wrapped(line: Line, following: Line) -> bool:
    return len(line.text.rstrip()) + len(following.text.split(maxsplit=1)[0]) >= _COLUMN


def _ends_in_moment(line: Line) -> bool:
    return _MOMENT_LAST.search(line.text[-_CHARACTERS:]) is not None


def _joined(lines: list[Line], start: int, end: int) -> bool:
    """Whether these lines are an attribution."""
    if sum(len(line.text) for line in lines[start:end]) > _CHARACTERS:
        return False
    text = " ".join(line.text.strip() for line in lines[start:end])
    if not text.endswith(_ENDS) or text.count("<") != text.count(">") or text.count("(") != text.count(")"):
        return False
    if text.endswith(">"):
        return bool(_ISO_DATE.match(text) and _ADDRESS_LAST.search(text))
    if words.WROTE.search(text):
        return bool(_ADDRESS.search(text) or _DASHED.fullmatch(text)) or _moment(text)
    return bool(_ADDRESS_LAST.search(text) and (_TIME.search(text) or words.QUOTING.match(text)))


def _moment(text: str) -> bool:
    return _TIME.search(text[:_CHARACTERS]) is not None or _has_date(text[:_CHARACTERS])


def _has_date(text: str) -> bool:
    return bool(_YEAR.search(text) and _DAY.search(text)) or _SHORT_DATE.search(text) is not None
