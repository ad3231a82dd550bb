"""Whether a store still has what it once took: marks that only a loss of data can change."""

from collections.abc import Mapping, Sequence
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


def losses(
    known: Mapping[str, Mark], seen: Mapping[str, Mark], former: Mapping[str, Sequence[str]] | None = None
) -> frozenset[Loss]:
    """What was lost between two looks, by the names of the parts. A part without a past tells nothing.

    Each look counts. One that was given up may have counted all the same, so a higher count than expected is no loss;
    one that is not higher is. ``former``: ids that parts had before. Where one has come back (a server that had been
    given up is the master again), it has what it had then, and only what came since is lost.
    """
    found = set()
    for name in known.keys() & seen.keys():
        before, now = known[name], seen[name]
        if now.id != before.id:
            found.add(Loss.SET_BACK if now.id in (former or {}).get(name, ()) else Loss.EMPTIED)
        elif now.count <= before.count:
            found.add(Loss.SET_BACK)
    return frozenset(found)
