"""Files of users' addresses, as directories and applications export them: CSV, or JSON lines."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reply_milter.core.mail.domain import normalise
from reply_milter.core.token.token import USER_LIMIT

_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_COLUMNS = ("user", "address", "disabled")
_MEMBERS = frozenset({"user", "addresses", "disabled"})


class LineError(ValueError):
    """A line can't be read; the message says what is wrong with it."""


@dataclass(slots=True)
class UserEntry:
    """What a file says about one user; None where it says nothing. Addresses are normalised."""

    disabled: bool | None = None
    addresses: list[str] | None = None


@dataclass(slots=True)
class UserFile:
    """Every user of a file, and each line that could not be read."""

    users: dict[int, UserEntry] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(lines: Iterable[str]) -> UserFile:
    """Read CSV with a header line (user, address, disabled: a line each address), or JSON lines.

    A JSON line is ``{"user": 42, "addresses": ["jane@example.com"], "disabled": false}``. Several lines about one user
    add up. A missing member, and an empty cell, say nothing. What the first line begins with tells which it is.
    """
    found = UserFile()
    numbered = ((number, line.removeprefix("\ufeff")) for number, line in enumerate(lines, 1))
    kept = [(number, line) for number, line in numbered if line.strip()]
    if not kept:
        found.problems.append("the file is empty")
        return found
    rows = _json_rows(kept) if kept[0][1].lstrip().startswith("{") else _csv_rows(kept)
    for number, row in rows:
        try:
            _add(found, row)
        except LineError as error:
            found.problems.append(f"line {number}: {error}")
    return found


def _json_rows(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, object]]:
    for number, line in lines:
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            yield number, None


def _csv_rows(lines: list[tuple[int, str]]) -> Iterator[tuple[int, object]]:
    """Each line as the object that a JSON line would hold; None for one that does not fit the header."""
    names = [name.lower() for name in _cells(lines[0][1])]
    if not {"user", "address"} <= set(names) <= set(_COLUMNS) or len(set(names)) != len(names):
        yield lines[0][0], "header"
        return
    for number, line in lines[1:]:
        cells = _cells(line)
        if len(cells) != len(names):
            yield number, None
            continue
        row = dict(zip(names, cells, strict=True))
        listed = {"addresses": [row["address"]]} if row["address"] else {}
        yield number, {"user": row["user"], "disabled": row.get("disabled") or None, **listed}


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _add(found: UserFile, row: object) -> None:
    if row == "header":
        raise LineError("a CSV file begins with a line of column names: user,address or user,address,disabled")
    if not isinstance(row, dict):
        raise LineError("is neither a JSON object nor a row with as many columns as the first")
    unknown = sorted(str(name) for name in row.keys() - _MEMBERS)
    if unknown:
        raise LineError(f"unknown member {unknown[0]!r}: there are user, addresses and disabled")
    user, disabled = _user(row.get("user")), _flag(row.get("disabled"))
    addresses = row.get("addresses", [])
    if not isinstance(addresses, list):
        raise LineError("addresses must be a list")
    normal = [_address(address) for address in addresses]
    entry = found.users.setdefault(user, UserEntry())
    entry.disabled = entry.disabled if disabled is None else disabled
    if "addresses" in row:
        entry.addresses = list(dict.fromkeys([*(entry.addresses or ()), *normal]))


def _user(value: object) -> int:
    text = str(value) if not isinstance(value, bool | float) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(USER_LIMIT)) and int(text) < USER_LIMIT):
        raise LineError(f"user must be a number between 0 and {USER_LIMIT - 1}")
    return int(text)


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise LineError("disabled must be true or false")
    return word in _TRUE


def _address(value: object) -> str:
    normal = normalise(value) if isinstance(value, str) and "@" in value else None
    if normal is None:
        raise LineError(f"{str(value)[:80]!r} can't be on file: a plain ASCII local part and a domain are needed")
    return normal
