"""Find a date and a time in a line, in the spellings of mail programs. For texts of limited length."""

import re

_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:h]\s?\d{2}(?!\d)|\bkl[.o]? ?\d{1,2}\.\d{2}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_DAY = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_SHORT_DATE = re.compile(r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d)")
# Also 15.41 (Indonesia, Finland) and 15時41分; not a part of 26.11.26.
_ANY_TIME = re.compile(
    r"(?<![\d.])(?:[01]?\d|2[0-3])\s?[.:h時时시点點]\s?[0-5]\d(?![\d.])|(?<!\d)1?\d\s?[ap]\.?m\b", re.IGNORECASE
)
# Also the years of Thailand (2569), of Iran (1405) and of Islam (1448).
_ANY_YEAR = re.compile(r"(?<!\d)(?:19|20|25|1[34])\d\d(?!\d)")


def has_time(text: str) -> bool:
    """Whether it holds a time of the day."""
    return _TIME.search(text) is not None


def has_date(text: str) -> bool:
    """Whether it holds a day and a year, or a date of three short numbers."""
    return bool(_YEAR.search(text) and _DAY.search(text)) or _SHORT_DATE.search(text) is not None


def is_dated(text: str) -> bool:
    """Whether it holds a day, a year of any calendar and a time, each a number of its own."""
    dated = _ANY_TIME.sub(" ", text)
    if dated == text:
        return False
    return bool(_ANY_YEAR.search(dated) and _DAY.search(dated)) or _SHORT_DATE.search(dated) is not None
