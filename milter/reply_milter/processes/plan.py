"""The plan of a daemon: which children the supervisor forks, as values."""

import os
from dataclasses import dataclass
from enum import Enum

from reply_milter.config import Config
from reply_milter.config.places import MOST_WORKERS, Listener


class ProcessKind(Enum):
    """What a child does; the value is the beginning of its slot, and the table of the configuration file."""

    VERIFY = "verify"
    SIGN = "sign"
    DELIVERY = "delivery"
    IMAP = "imap"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One child. It keeps its ``slot`` ("verify0") when the supervisor restarts it: metrics and logs use that name.

    ``place``: where the child answers the MTA, None for a fetcher and the metrics process. ``cpu``: which CPU to bind
    the child to (``process_tree.stay_on_one_cpu``), None for a child whose threads may use all of them.
    """

    kind: ProcessKind
    slot: str
    place: Listener | None
    cpu: int | None

    @property
    def title(self) -> str:
        """The name in log lines."""
        return self.slot if self.place is None else f"worker {self.slot}"


def listeners(config: Config) -> dict[ProcessKind, Listener]:
    """Where the MTA connects to, by the kind of process that answers there."""
    delivery = config.delivery.place if config.delivery is not None and config.delivery.place.socket else None
    places = {
        ProcessKind.VERIFY: config.verify.place,
        ProcessKind.SIGN: config.sign.place,
        ProcessKind.DELIVERY: delivery,
    }
    return {kind: place for kind, place in places.items() if place is not None}


def process_plan(config: Config) -> list[ProcessSpec]:
    """Return the children in the order in which the supervisor forks them. An embedded store is not among them."""
    workers = [
        (kind, f"{kind.value}{number}", place)
        for kind, place in listeners(config).items()
        for number in range(place.workers or min(os.cpu_count() or 1, MOST_WORKERS))
    ]
    plan = [
        ProcessSpec(kind, slot, place, None if kind is ProcessKind.DELIVERY else cpu)
        for cpu, (kind, slot, place) in enumerate(workers)
    ]
    fetchers = range(len(config.imap))
    plan += [ProcessSpec(ProcessKind.IMAP, f"{ProcessKind.IMAP.value}{number}", None, None) for number in fetchers]
    if (
        config.metrics.listen[1] or config.verify.place is not None or config.imap
    ):  # it shows the metrics, watches the store
        plan.append(ProcessSpec(ProcessKind.METRICS, ProcessKind.METRICS.value, None, None))
    return plan
