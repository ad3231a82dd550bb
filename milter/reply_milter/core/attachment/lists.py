"""Values that are lists: joined with ours, and taken apart again. The host's own words stay as they are written."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Final

from reply_milter.core.diagnosis.postfix import syntax

_BESIDE_PUNCTUATION: Final = re.compile(r"\s*([{},=])\s*")
Test = Callable[[str], bool]


def units(name: str, value: str) -> list[str]:
    """Split the value of the setting ``name``. A restriction and its argument are one unit."""
    found: list[str] = []
    waits = False
    for element in syntax.elements(value):
        if waits:
            found[-1] = f"{found[-1]} {element}"
        else:
            found.append(element)
        waits = not waits and name.endswith("_restrictions") and syntax.takes_argument(element)
    return found


def join(name: str, host: str, ours: Iterable[str], first: bool) -> str:
    """Return ``host`` with those units of ``ours`` that it lacks, before it or behind it."""
    own = host.strip().strip(",").strip()
    there = units(name, own)
    added = ", ".join(unit for unit in ours if unit not in there)
    return ", ".join(filter(None, (added, own) if first else (own, added)))


def without(name: str, value: str, added: Collection[str], is_ours: Test) -> str:
    """Return ``value`` without the units that were ``added`` or are ours; unchanged if there are none."""
    there = units(name, value)
    kept = [unit for unit in there if unit not in added and not is_ours(unit)]
    return value if kept == there else ", ".join(kept)


def compact(value: str) -> str:
    """Return a list without white space, as it fits ``-o name=value`` in master.cf."""
    return ",".join(",".join(_BESIDE_PUNCTUATION.sub(r"\1", unit).split()) for unit in syntax.elements(value))


def holds_text(value: str) -> bool:
    """Return whether a list has a table whose entries hold texts of several words, which ``compact`` would break."""
    bare = [_BESIDE_PUNCTUATION.sub(r"\1", element) for element in syntax.elements(value)]
    return any(":{" in element and len(element.split()) > 1 for element in bare)


def same(one: str | None, other: str | None) -> bool:
    """Return whether two values are the same for Postfix: but for white space."""
    return one == other or (one is not None and other is not None and one.split() == other.split())
