"""Reads what an operator writes as a pattern: literals, character classes and counts, no more.

What an expression could say beside that is refused, with words that tell what is allowed. So every pattern is matched
in one pass: a run of variable length ends where its class ends.
"""

import re
import string
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from reply_milter.core.wrapping.automaton import Chain, Run, literal, shared

# Of addresses; none is a routing character (`%`, `!`), and none needs quotes.
CHARACTERS = frozenset(string.ascii_letters + string.digits + "._+=/~-")
LEAST_KEY, MOST_KEY = 8, 256  # characters of a key
MOST_FORMS = 8
ANY = Run(CHARACTERS, 1, None)

_PART = re.compile(r"\{[^{}]*\}|\*|.", re.DOTALL)
_BARE = frozenset(string.ascii_letters + string.digits + "_=/~-")
_ITEM = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]{}]))(?:\{([0-9]{1,3})(?:,([0-9]{1,3}))?\})?", re.ASCII | re.DOTALL)
_RANGE = re.compile(r"([a-z])-([a-z])|([A-Z])-([A-Z])|([0-9])-([0-9])|(.)", re.ASCII | re.DOTALL)
_KEY_RULES = (
    "a key is made of letters, digits and _ = / ~ - as they are, classes like [A-Z2-7], and counts like {32} or"
    " {60,128} behind them; several forms stand with a blank between them"
)
_ADDRESS_RULES = (
    "an address is made of letters, digits and . _ + = / ~ - as they are, with {key} for the key and {any} for a part"
    " that varies"
)


class PatternError(Exception):
    """A pattern can't be used. ``in_key``: the form of the key is what is wrong, not the address."""

    def __init__(self, text: str, in_key: bool = False) -> None:
        super().__init__(text)
        self.in_key = in_key


class Parts(NamedTuple):
    """A local part in pieces: ``{key}``, ``{any}``, ``*`` or a literal. Two literals never stand side by side."""

    pieces: tuple[str, ...]

    @property
    def has_key(self) -> bool:
        """Whether a key is part of it."""
        return "{key}" in self.pieces

    @property
    def before_key(self) -> tuple[str, ...]:
        """The pieces before the key; all of them where there is none."""
        return self.pieces[: self.pieces.index("{key}")] if self.has_key else self.pieces

    def chain(self, key: Chain = ()) -> Chain:
        """The chain that matches it, with ``key`` in the place of the key."""
        return tuple(run for piece in self.pieces for run in _runs(piece, key))


def _runs(piece: str, key: Chain) -> Chain:
    if piece == "{key}":
        return key
    return (ANY,) if is_varying(piece) else literal(piece)


def is_varying(piece: str) -> bool:
    """Whether ``piece`` stands for a run of any key characters."""
    return piece in ("{any}", "*")


def read_local(local: str, glob: bool) -> Parts:
    """Take a local part to pieces. ``glob``: ``*`` is the only placeholder, and may stand several times.

    Raises:
        PatternError: it is none.
    """
    pieces: list[str] = []
    for part in _PART.findall(local):
        if len(part) == 1 and part in CHARACTERS:
            pieces[-1:] = [pieces[-1] + part] if pieces and not _is_placeholder(pieces[-1]) else [*pieces[-1:], part]
        elif part in (("*",) if glob else ("{key}", "{any}")):
            pieces.append(part)
        else:
            raise PatternError(_stray(part, glob))
    _check(pieces, glob)
    return Parts(tuple(pieces))


def _is_placeholder(piece: str) -> bool:
    return piece[0] in "{*"


def _stray(part: str, glob: bool) -> str:
    if glob:
        return f"{part!r} can't stand in it: use letters, digits and . _ + = / ~ -, and * for a part that varies"
    hint = {"%": ", so write {key} where the application's settings have %{token} or the like", "*": ", {any} for *"}
    return f"{part!r} can't stand in it: {_ADDRESS_RULES}{hint.get(part, '')}"


def _check(pieces: list[str], glob: bool) -> None:
    text = "".join(pieces)
    if not text or text.startswith(".") or text.endswith(".") or ".." in text:
        raise PatternError("the part before the @ is empty, or has a dot at its start, at its end, or beside another")
    for name in () if glob else ("{key}", "{any}"):
        if pieces.count(name) > 1:
            raise PatternError(f"{name} stands more than once in it: once is allowed")
    if any(one == other == "*" for one, other in pairwise(pieces)):
        raise PatternError("two * stand side by side in it: one is enough")


def read_key(text: str) -> tuple[Chain, ...]:
    """Read the forms of a key, separated by blanks.

    Raises:
        PatternError: one of them is none, or is too short to keep anybody out.
    """
    words = text.split()
    if not words:
        raise PatternError(f"is missing: write the form of what {{key}} stands for: {_KEY_RULES}", in_key=True)
    if len(words) > MOST_FORMS:
        raise PatternError(f"has {len(words)} forms: at most {MOST_FORMS} are allowed", in_key=True)
    return tuple(map(_form, words))


def _form(form: str) -> Chain:
    chain = tuple(_items(form))
    least, most = sum(run.least for run in chain), sum(run.most or 0 for run in chain)
    if least < LEAST_KEY or most > MOST_KEY:
        raise PatternError(
            f"{form!r} may be {least if least < LEAST_KEY else most} characters long, and a key has {LEAST_KEY} to"
            f" {MOST_KEY}: a shorter one can be guessed, and would be found in every header",
            in_key=True,
        )
    for run, following in pairwise(chain):
        if run.least != run.most and shared(run.chars, following.chars):
            raise PatternError(
                f"{form!r} does not say where a part of variable length ends: what follows it must begin with a"
                " character that is not in its class",
                in_key=True,
            )
    return chain


def _items(form: str) -> Iterator[Run]:
    position = 0
    while position < len(form):
        item = _ITEM.match(form, position)
        if item is None:
            raise PatternError(f"{form[position:]!r} can't stand in {form!r}: {_KEY_RULES}", in_key=True)
        yield _run(item)
        position = item.end()


def _run(item: "re.Match[str]") -> Run:
    inside, char, least, most = item.groups()
    chars = frozenset(char) if inside is None else _class(inside)
    if not chars or not chars <= (CHARACTERS if inside is not None else _BARE):
        raise PatternError(f"{item[0]!r} can't stand in {item.string!r}: {_KEY_RULES}", in_key=True)
    lowest = int(least or 1)
    highest = int(most or lowest)
    if not 1 <= lowest <= highest <= MOST_KEY:
        raise PatternError(f"{item[0]!r}: a count is 1 to {MOST_KEY}, the smaller number first", in_key=True)
    return Run(chars, lowest, highest)


def _class(inside: str) -> frozenset[str]:
    """The characters of a class; none where a range is wrong, or a hyphen may be meant as one."""
    chars: set[str] = set()
    for span in _RANGE.finditer(inside):
        first, last = span[1] or span[3] or span[5] or span[7], span[2] or span[4] or span[6] or span[7]
        misplaced = span[0] == "-" and span.start() > 0 and span.end() < len(inside)
        if first > last or misplaced:
            return frozenset()
        chars |= set(map(chr, range(ord(first), ord(last) + 1)))
    return frozenset(chars)
