"""Whether a store still has what it once took: marks that only a loss of data can change."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Loss(StrEnum):
    """EMPTIED: another store, or the same with nothing in it. SET_BACK: it knows less than it did."""

    EMPTIED = "emptied"
    SET_BACK = "set_back"


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in one part of a store: its ``id``, and how often this host has left its mark there."""

    id: str
    count: int


def losses(known: Mapping[str, Mark], seen: Mapping[str, Mark]) -> frozenset[Loss]:
    """What was lost between two looks, by the names of the parts. A part without a past tells nothing.

    Each look counts. One that was given up may have counted all the same, so a higher count than expected is no loss;
    one that is not higher is.
    """
    found = set()
    for name in known.keys() & seen.keys():
        before, now = known[name], seen[name]
        if now.id != before.id:
            found.add(Loss.EMPTIED)
        elif now.count <= before.count:
            found.add(Loss.SET_BACK)
    return frozenset(found)
