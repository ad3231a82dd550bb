"""Measure whether work grows linearly with the length of a text, on texts that would show another growth."""

import gc
import re
from collections.abc import Callable, Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from time import thread_time
from typing import Any, TypeVar

LONGEST = 16_000  # characters; the smallest of the four sizes is an eighth of it
QUICK = 0.01  # seconds: to copy what is left of 16,000 characters at each of them takes more, to look at it, 20 times
MOST = 20.0  # times the work for eight times the text: 8 is linear, 23 is n**1.5, 64 a square

# Blanks, dots, quotes, brackets, commas and their kin, and what is no ASCII: CJK, an octet that is no UTF-8, an accent.
PIECES = (
    " ", "\r\n ", ".", '"', "\\", "<", ">", "(", ")", "@", ",", ";", ":", "=", "?", "&", "%", "-", "/", "a", "1",
    " .", "a@b,", '"\\', "\u65e5", "\u65e5.", "\udc80", "\u0301",
)  # fmt: skip

T = TypeVar("T")


def superlinear(run: Callable[[T], object], texts: Callable[[int], T], longest: int = LONGEST) -> float:
    """How many times the work ``run`` does on eight times the text, if that is too much; else 0.

    Work is the processor time of this thread, for nothing here counts the steps within a regular expression, and a
    kernel lends its counters to few. Noise only adds to it. So a small text counts by the least of several runs, and
    the largest by its only run, unless that is too long: then by the least of several as well. The bound lies half-way,
    as factors go, between a line (8) and a square (64). What is too quick for a square at its largest is not repeated.
    """
    largest = _seconds(run, texts(longest))
    if largest < QUICK:
        return 0.0
    eighth, quarter = (min(_seconds(run, texts(longest // share)) for _ in range(4)) for share in (8, 4))
    if not _growth(eighth, quarter, largest):
        return 0.0
    return _growth(eighth, quarter, min(largest, *(_seconds(run, texts(longest)) for _ in range(3))))


def _growth(eighth: float, quarter: float, largest: float) -> float:
    growth = largest / max(eighth, QUICK / 64)
    return growth if growth > MOST and largest / max(quarter, QUICK / 16) > 7 else 0.0


def _seconds(run: Callable[[T], object], text: T) -> float:
    gc.disable()
    try:
        before = thread_time()
        run(text)
        return thread_time() - before
    finally:
        gc.enable()


def stretched(seeds: list[str], pieces: list[str], places: int) -> Iterator[tuple[str, Callable[[int], str]]]:
    """Texts of any length: each seed with a run of each piece at ``places`` + 1 of it, and what follows or not."""
    for seed in seeds:
        for at in sorted({len(seed) * share // places for share in range(places + 1)}):
            for piece in pieces:
                for rest in (seed[at:], "\x01"):
                    yield f"{seed[:at]!r} + {piece!r} * n + {rest!r}", _filled(seed[:at], piece, rest)
    for unit in {*seeds, *(seed[: len(seed) // 2] for seed in seeds)} - {""}:
        yield f"{unit!r} * n", _filled("", unit, "")


def _filled(before: str, piece: str, after: str) -> Callable[[int], str]:
    return lambda size: before + piece * (size // len(piece)) + after


def examples(pattern: "re.Pattern[str] | re.Pattern[bytes]") -> list[str]:
    """Short texts that match ``pattern``, or nearly: the first, or the second, of its alternatives taken."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags if isinstance(pattern.pattern, str) else pattern.flags | re.ASCII
    tree = _parser.parse(source, flags)
    return list(dict.fromkeys(_example(tree, choice)[:60] for choice in range(2)))


def _example(tree: Any, choice: int) -> str:
    return "".join(_of(operation, given, choice) for operation, given in tree)


def _of(operation: Any, given: Any, choice: int) -> str:  # noqa: PLR0911 # one for each kind of node
    """The text of one node of a parsed expression."""
    if operation is ops.LITERAL:
        return chr(int(given))
    if operation in (ops.ANY, ops.NOT_LITERAL):
        return "a" if given != ord("a") else "b"
    if operation is ops.IN:
        return str(next((one for one in "a1 .-:;,=@/<>\t\n\x02\u65e5" if _is_in(given, one)), _first(given)))
    if operation in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return _example(given[2], choice) * min(max(int(given[0]), 1), 20)
    if operation is ops.BRANCH:
        return _example(given[1][min(choice, len(given[1]) - 1)], choice)
    if operation is ops.SUBPATTERN:
        return _example(given[3], choice)
    if operation is ops.ATOMIC_GROUP:
        return _example(given, choice)
    return ""  # an assertion: what follows it, or stands before it, says the rest


def _first(given: Any) -> str:
    operation, value = given[-1]
    return chr(value[0] if operation is ops.RANGE else value)


def _is_in(given: Any, character: str) -> bool:
    negated = given[0][0] is ops.NEGATE
    return any(_is_of(item, character) for item in given) != negated


def _is_of(item: Any, character: str) -> bool:
    operation, value = item
    if operation is ops.LITERAL:
        return bool(value == ord(character))
    if operation is ops.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if operation is not ops.CATEGORY:
        return False
    known = {
        ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_NOT_DIGIT: r"\D", ops.CATEGORY_SPACE: r"\s",
        ops.CATEGORY_NOT_SPACE: r"\S", ops.CATEGORY_WORD: r"\w", ops.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    return re.match(known[value], character) is not None
