"""Reading a TOML table by name and type, so that every mistake in a file is reported at once."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import TypeVar

from reply_milter.core.encoding.toml_lines import written

_T = TypeVar("_T")
_KEY_LENGTH = 64  # of the longest key that is compared with others
_EXPLAINED = 100  # unknown keys of a table that may be misspelt: more are none of ours
_NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    float: "a number with a fraction",
    datetime: "a date",
    date: "a date",
    time: "a time",
}


class Table:
    """One table. Each key is taken once; ``unknown`` then reports the keys that no reader asked for.

    ``problems`` is shared by all tables of a file: lines of ``key: reason``.
    """

    def __init__(self, values: Mapping[str, object], path: str, problems: list[str]) -> None:
        self._values = dict(values)
        self._asked: set[str] = set()
        self._path = path
        self.problems = problems

    def name(self, key: str) -> str:
        """Return ``key`` with the path of its table, quoted where TOML needs it, so that it stays on one line."""
        return f"{self._path}.{written(key)}" if self._path else written(key)

    def problem(self, key: str, reason: str) -> None:
        """Note a mistake in ``key``."""
        self.problems.append(f"{self.name(key)}: {reason}")

    def has_problem(self, key: str) -> bool:
        """Return whether a mistake in ``key`` was noted already."""
        return any(problem.startswith(f"{self.name(key)}:") for problem in self.problems)

    def has(self, key: str) -> bool:
        """Return whether ``key`` is in the file and not yet taken."""
        self._asked.add(key)
        return key in self._values

    def holds(self, key: str, kind: type) -> bool:
        """Return whether ``key`` is not yet taken and its value is of this ``kind``, for keys that may have several."""
        self._asked.add(key)
        return isinstance(self._values.get(key), kind)

    def take(self, key: str, default: _T, check: Callable[[_T], str | None] | None = None) -> _T:
        """Take the value of ``key``, of the type of ``default``; ``check`` returns what is wrong with it, or None."""
        if not self.has(key):
            return default
        value = self._values.pop(key)
        wanted = type(default)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            self.problem(key, f"must be {_NAMES[wanted]}, not {_shown(value)}")
            return default
        if wanted is str and "\0" in str(value):
            self.problem(key, "must not hold a NUL character")
            return default
        reason = check(value) if check else None
        if reason is not None:
            self.problem(key, reason)
            return default
        return value

    def need(self, key: str, default: _T, check: Callable[[_T], str | None] | None = None) -> _T:
        """Take as ``take`` does, for a key that must be there."""
        if not self.has(key):
            self.problem(key, "is missing")
            return default
        return self.take(key, default, check)

    def strings(self, key: str, default: list[str]) -> list[str]:
        """Take a list of texts."""
        values = self.take(key, default)
        if any(not isinstance(value, str) for value in values):
            self.problem(key, "must be a list of texts")
            return default
        return values

    def table(self, key: str) -> "Table":
        """Take a table inside this one; an empty one if it is not there."""
        value: dict[str, object] = self.take(key, {})
        return Table(value, self.name(key), self.problems)

    def tables(self, key: str) -> list["Table"]:
        """Take an array of tables, ``[[key]]``."""
        values: list[object] = self.take(key, [])
        if any(not isinstance(value, dict) for value in values):
            self.problem(key, f"must be written as [[{key}]] tables")
            return []
        return [
            Table(value, f"{self.name(key)}[{number}]", self.problems)
            for number, value in enumerate(values, 1)
            if isinstance(value, dict)
        ]

    def rest(self) -> dict[str, object]:
        """Take everything that is left, unchecked: a plug-in checks its own settings."""
        left, self._values = self._values, {}
        return left

    def unknown(self) -> None:
        """Note each key that was never taken: a misspelt key would otherwise silently do nothing."""
        for number, key in enumerate(self._values):
            meant = similar(key.replace("-", "_"), self._asked) if number < _EXPLAINED else ""
            self.problem(key, f"unknown key{meant}")
        self._values.clear()


def similar(word: str, known: Iterable[str]) -> str:
    """Return the question whether the most similar of ``known`` was meant; empty if none is similar."""
    near = get_close_matches(word.lower(), sorted(known), n=1) if len(word) <= _KEY_LENGTH else []
    return f"; did you mean {near[0]}?" if near else ""


def one_of(*words: str) -> Callable[[str], str | None]:
    """Return a check for a choice."""
    return lambda value: None if value in words else f"must be one of {_quoted(words)}, not {value!r}"


def matching(pattern: str, description: str) -> Callable[[str], str | None]:
    """Return a check for a form."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: None if compiled.fullmatch(value) else f"must be {description}, not {value!r}"


def between(low: int, high: int) -> Callable[[int], str | None]:
    """Return a check for a range, both ends included."""
    return lambda value: None if low <= value <= high else f"must be between {low} and {high}, not {value}"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _shown(value: object) -> str:
    """Return the kind of a value, never the value: it may be a secret."""
    return _NAMES.get(type(value), "that")
