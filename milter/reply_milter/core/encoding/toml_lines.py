"""In which line of a TOML file each key stands, so that a mistake is found at once. For text that tomllib has read.

Linear in the text: one expression cuts it into tokens, and each is looked at once. What is not TOML gives wrong lines,
and never an error.
"""

import json
import re
from collections.abc import Iterator, Mapping

_PART = r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*+"|'[^'\n]*+'"""
_PARTS = re.compile(_PART, re.ASCII)
_KEY = re.compile(rf"[ \t]*+(\[\[?)?[ \t]*+((?:{_PART})(?:[ \t]*+\.[ \t]*+(?:{_PART}))*+)", re.ASCII)
_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\\n])*+"?|'[^'\n]*+'?|#[^\n]*+|[\[{]|[\]}]|\n|[^"'#\[\]{}\n]++''',
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NAME = re.compile(r"[ \t]*+=[ \t]*+[\"']([A-Za-z0-9._-]{1,64})[\"']", re.ASCII)
_SYNTAX = re.compile(r"\(at line ([0-9]{1,9}), column [0-9]{1,9}\)$")

Lines = Mapping[str, int]


def written(key: str) -> str:
    """Return ``key`` as it is written in a path: quoted where TOML needs it, so that it stays on one line."""
    return key if _BARE.fullmatch(key) else json.dumps(key)


def lines_of(text: str) -> dict[str, int]:
    """Return the line of each key and table header, by its path: ``handler[2].delivery.url``.

    An element of an array that has a name is also found by that: ``handler issue``.
    """
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for line, statement in _statements(text):
        match = _KEY.match(statement)
        if match is None:
            continue
        parts = [_part(part) for part in _PARTS.findall(match[2])]
        if match[1]:
            table = _header(parts, counts, is_array=match[1] == "[[")
            found.setdefault(table, line)
            continue
        _note(found, table, parts, line)
        named = _NAME.match(statement, match.end())
        if named and parts == ["name"] and table.endswith("]"):
            found.setdefault(f"{table.rpartition('[')[0]} {named[1]}", found[table])
    return found


def line_of(problem: str, lines: Lines) -> int | None:
    """Return the line that ``problem``, as ``key: reason``, is about; that of its table if the key is not there."""
    syntax = _SYNTAX.search(problem)
    if syntax:
        return int(syntax[1])
    path = problem.partition(": ")[0]
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and each key with its value, and the line where it begins."""
    line, begun, depth, pieces = 1, 1, 0, list[str]()
    for token in _TOKEN.finditer(text):
        piece = token[0]
        depth += (piece in "[{") - (piece in "]}")
        if piece == "\n" and depth <= 0:
            yield begun, "".join(pieces)
            pieces, begun, depth = [], line + 1, 0
        elif piece[0] != "#":
            pieces.append(piece)
        line += piece.count("\n")
    yield begun, "".join(pieces)


def _header(parts: list[str], counts: dict[str, int], is_array: bool) -> str:
    """Return the path of a table; an element of an array bears its number, from 1."""
    path = ""
    for depth, part in enumerate(parts, 1):
        path = f"{path}.{written(part)}" if path else written(part)
        if is_array and depth == len(parts):
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = f"{path}[{counts[path]}]"
    return path


def _note(found: dict[str, int], table: str, parts: list[str], line: int) -> None:
    """Note a key, and the tables that a dotted one makes."""
    path = table
    for part in parts:
        path = f"{path}.{written(part)}" if path else written(part)
        found.setdefault(path, line)


def _part(text: str) -> str:
    """Return one part of a key without its quotes."""
    if text[0] == "'":
        return text[1:-1]
    if text[0] != '"':
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]  # an escape that only TOML knows: its line is not found, and that of its table is
