"""Find the attribution of a quote that the author's program marked in HTML, in a language that nobody listed.

The same mark stands around an excerpt that the author chose by a button. The line above the answered message, or its
first one, tells them apart: with the mark around it, a colon and a date with a time, or an address in brackets, are
sign enough.
"""

import re

from reply_text import words
from reply_text.lines import Line, Role

_CHARACTERS = 500
_BLANK_LINES = 2
_NUMBERS = 4  # of a day, a month or a year, hours, minutes
_NUMBER = re.compile(r"\d+")  # in any script's digits
_TIME = re.compile(r"\d[:h]\d\d")
_ADDRESS = re.compile(r"[<(\[][^\s<>@]+@[^\s<>@]+[>)\]]")
_UNSEEN = "\u200e\u200f\u061c \t\xa0"


def above(lines: list[Line], quote: list[Line]) -> int:
    """Return the line that introduces ``quote``, at the end of ``lines``; the number of lines if none does."""
    last = len(lines) - 1
    while last > max(-1, len(lines) - 1 - _BLANK_LINES) and lines[last].blank:
        last -= 1
    return last if last >= 0 and _is_marked(quote) and _introduces(lines[last].text) else len(lines)


def within(quote: list[Line]) -> bool:
    """Whether the first line of ``quote`` says whose words follow."""
    first = next((line.text.lstrip("> ") for line in quote if line.text.strip("> ")), "")
    return _is_marked(quote) and _introduces(first)


def _is_marked(quote: list[Line]) -> bool:
    return any(line.role is Role.BLOCKQUOTE for line in quote)


def _introduces(line: str) -> bool:
    text = line.strip(_UNSEEN)
    if len(text) > _CHARACTERS or not text.endswith(words.COLONS):
        return False
    dated = _TIME.search(text) and len(_NUMBER.findall(text)) >= _NUMBERS
    return bool(dated or _ADDRESS.search(text))
