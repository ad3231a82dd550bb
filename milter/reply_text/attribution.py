"""Find lines that say whose words follow: ``On Monday, Jane wrote:``, in some thirty languages of mail programs.

Three signs count: an address, a moment, a word for writing. Directly above a quote, the form alone may do, in any
language (``verbless``). No pattern has two unbounded runs in a row, and at most a few hundred characters are searched,
so the time is linear for any text.
"""

import re
from collections.abc import Callable

from reply_text import moments, verbless, words
from reply_text.lines import Line, Role

LINES = 4  # the most lines of a wrapped attribution
_CHARACTERS = 500
_COLUMN = 65  # a line was wrapped if the next word would have passed this column
_MOMENT_LAST = re.compile(r"(?:\d|\b[A-Z]{2,5}|\))\s?,?\s*\Z")  # a time, a time zone
_NAME_WORDS = 5  # a line of a wrapped attribution that holds but a name has at most so many words

_ENDS = (*words.COLONS, "--", ">")
_ADDRESS = re.compile(r"[^\s@]@[^\s@.]{1,63}\.[^\s@]")
_ADDRESS_LAST = re.compile(r"@[^\s<>@]{1,255}[>)]\W{0,2}\Z")
_DASHED = re.compile(r"\s*+--(?=.*\w).*--\s*+")  # Zoho, some Androids: `---- On ..., Jane wrote ----`
_ARTICLE = re.compile(r"\s*in (?:article|message) <[^<>\s]{1,250}>[\s,]*", re.IGNORECASE)  # newsreaders
_ISO_DATE = re.compile(r"\d{4}[/-]\d{1,2}[/-]\d{1,2}\b")  # Gmail until 2013: no word and no colon

Form = Callable[[str], bool]


def above(lines: list[Line], end: int) -> int:
    """Return the first line of the attribution of the quote at ``end``, blank lines not counted.

    Without one, return ``end``.
    """
    last = end
    while last > max(0, end - 3) and lines[last - 1].blank:
        last -= 1
    if last and lines[last - 1].role is Role.ATTRIBUTION:
        return _marked(lines, last)
    known, start = _smallest(lines, last, _is_known), _smallest(lines, last, verbless.attributes)
    if known is not None and (start is None or start <= known):
        return _widened(lines, known, last)
    return start if start is not None and _is_paragraph(lines, start, last) else end


def short_above(lines: list[Line]) -> int:
    """Return the line ``NAME wrote:`` at the end, a paragraph of its own; without one, the number of lines.

    It names neither an address nor a moment, so the caller must know more.
    """
    last = len(lines)
    while last > max(0, len(lines) - 2) and lines[last - 1].blank:
        last -= 1
    alone = last and (last == 1 or lines[last - 2].blank)
    return last - 1 if alone and verbless.is_short(lines[last - 1].text) else len(lines)


def within(lines: list[Line]) -> bool:
    """Whether quoted lines begin with an attribution, as those of Apple's programs do."""
    unquoted = [Line(line.text.lstrip("> ")) for line in lines[: LINES + 2]]
    first = next((index for index, line in enumerate(unquoted) if not line.blank), 0)
    ends = range(first + 1, min(first + LINES, len(unquoted)) + 1)
    return any(_joined(unquoted, first, end, _is_known) for end in ends)


def unquoted(lines: list[Line], index: int) -> int | None:
    """Return the first line of an attribution that ends with line ``index`` and needs no quote below it.

    It must name an address, a day and a time, as prose hardly ever does.
    """
    near = lines[max(0, index + 1 - LINES) : index + 1]
    if not lines[index].text.rstrip().endswith(_ENDS) or not any(
        "@" in line.text or "--" in line.text for line in near
    ):
        return None
    start = _smallest(lines, index + 1, _is_known)
    if start is None:
        return None
    start = _widened(lines, start, index + 1)
    text = " ".join(line.text for line in lines[start : index + 1])
    named = _ADDRESS.search(text) or _DASHED.fullmatch(text)
    return start if named and moments.has_time(text) and moments.has_date(text) else None


def _marked(lines: list[Line], end: int) -> int:
    start = end
    while start and (lines[start - 1].role is Role.ATTRIBUTION or lines[start - 1].blank):
        start -= 1
    return start


def _is_paragraph(lines: list[Line], start: int, end: int) -> bool:
    """Whether the lines are a paragraph of their own, and one line that a program wrapped."""
    alone = not start or lines[start - 1].blank or lines[start - 1].quotes
    return alone and all(_goes_on(lines[index], lines[index + 1]) for index in range(start, end - 1))


def _smallest(lines: list[Line], end: int, form: Form) -> int | None:
    """Return the start of the fewest lines above ``end`` that make an attribution."""
    for start in range(end - 1, max(-1, end - 1 - LINES), -1):
        if lines[start].blank or lines[start].quotes:
            return None
        if _joined(lines, start, end, form):
            return start
    return None


def _widened(lines: list[Line], start: int, end: int) -> int:
    """Return a start further up, if the moment is missing and stands on a line above."""
    if start and _ARTICLE.fullmatch(lines[start - 1].text[:_CHARACTERS]):
        return start - 1
    if any(_moment(line.text) for line in lines[start:end]):
        return start
    for higher in range(start - 1, max(-1, end - 1 - LINES), -1):
        line = lines[higher]
        if line.blank or line.quotes or not _goes_on(line, lines[higher + 1]):
            return start
        if words.OPENING.match(line.text) and _moment(line.text) and _joined(lines, higher, end, _is_known):
            return higher
    return start


def _goes_on(line: Line, following: Line) -> bool:
    """Whether the line may be the rest of an attribution: wrapped, or with the moment at its end, or but a name."""
    text = line.text.rstrip()
    wrapped = len(text) + len(following.text.split(maxsplit=1)[0]) >= _COLUMN
    return wrapped or _MOMENT_LAST.search(text[-_CHARACTERS:]) is not None or _is_name(text)


def _is_name(text: str) -> bool:
    named = text.split(maxsplit=_NAME_WORDS)
    return 0 < len(named) <= _NAME_WORDS and not text.endswith((".", "!", "?", ",", ":")) and named[0][0].isupper()


def _joined(lines: list[Line], start: int, end: int, form: Form) -> bool:
    """Whether these lines, as one, are an attribution of this form."""
    if sum(len(line.text) for line in lines[start:end]) > _CHARACTERS:
        return False
    text = " ".join(line.text.strip() for line in lines[start:end])
    return text.count("<") == text.count(">") and text.count("(") == text.count(")") and form(text)


def _is_known(text: str) -> bool:
    """Whether it has a known word for writing and names somebody or a moment, or has the form of Gmail or Horde."""
    if not text.endswith(_ENDS):
        return False
    if text.endswith(">"):
        return bool(_ISO_DATE.match(text) and _ADDRESS_LAST.search(text))
    if words.WROTE.search(text):
        return bool(_ADDRESS.search(text) or _DASHED.fullmatch(text)) or _moment(text)
    return bool(_ADDRESS_LAST.search(text) and (moments.has_time(text) or words.QUOTING.match(text)))


def _moment(text: str) -> bool:
    return moments.has_time(text[:_CHARACTERS]) or moments.has_date(text[:_CHARACTERS])
