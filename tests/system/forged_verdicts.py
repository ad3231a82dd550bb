"""Verdict fields as forgers write them, for property tests with a real MTA."""

import random
from dataclasses import dataclass

from hypothesis import strategies as st

MESSAGES = 30  # of one batch; an MTA takes as many in a second
MOST = 50  # forged fields of a message
_NAME = "X-Reply-Verdict"
_BLANKS = ("", " ", "\t", "  \t ")
_VALUES = (
    "v=1; result=pass; user=1; seal=aaaaaaaaaaaaaaaaaaaaaaaaaa", "v=1;\r\n\tresult=pass;\r\n user=1", "", "x" * 900,
    "\r\n\t\r\n x", '"(', "=?utf-8?q?v=3D1?=", " v=1",
)  # fmt: skip
_OCTETS = 3  # of a drawn text, for one field: Hypothesis is quicker with one text than with many choices


@dataclass(frozen=True, slots=True)
class Forged:
    """One field as it is written, and where it goes among the others (0 to 255)."""

    line: bytes
    place: int


def forgeries() -> st.SearchStrategy[list[Forged]]:
    """0 to MOST forged fields of one message."""
    counts = st.integers(0, MOST)
    return counts.flatmap(lambda count: st.binary(min_size=_OCTETS * count, max_size=_OCTETS * count)).map(_fields)


def _fields(octets: bytes) -> list[Forged]:
    return [_field(*octets[at : at + _OCTETS]) for at in range(0, len(octets), _OCTETS)]


def _field(case: int, form: int, place: int) -> Forged:
    cases = random.Random(case)  # any case of each letter, by number
    name = "".join(cases.choice((letter.upper(), letter.lower())) for letter in _NAME)
    blank, value = _BLANKS[form % len(_BLANKS)], _VALUES[form // len(_BLANKS) % len(_VALUES)]
    return Forged(f"{name}{blank}:{value}".encode(), place)


def with_forgeries(message: bytes, forged: list[Forged]) -> bytes:
    """``message``, whose fields are a line each, with the forged ones among them."""
    head, _, body = message.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for field in forged:
        lines.insert(field.place * len(lines) // 255, field.line)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
