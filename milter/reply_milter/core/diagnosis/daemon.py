"""The daemon: whether it runs, with how many descriptors, and whether its metrics page answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from reply_milter.core.diagnosis.problem import SHELL, TOML, UNIT, Problem, Remedy, error, hidden, warning

_DESCRIPTORS_WANTED = 4096
_START = Remedy(SHELL, "systemctl start reply-milter")


class Answer(Enum):
    """What answers at an address: nothing, the daemon, or another program."""

    NONE = "none"
    OURS = "ours"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DaemonFacts:
    """``runs``: whether a daemon holds the state folder. ``descriptors``: its limit. None if unknown."""

    runs: bool | None
    descriptors: int | None = None


def examine(daemon: DaemonFacts) -> Iterator[Problem]:
    """Examine whether it runs, and with how many descriptors."""
    if daemon.runs is None:
        yield hidden("daemon", "whether a daemon runs")
    elif not daemon.runs:
        yield error("daemon.down", "no daemon runs", "the MTA defers mail for which it asks the milter", _START)
    if daemon.descriptors is not None and daemon.descriptors < _DESCRIPTORS_WANTED:
        yield warning(
            "daemon.descriptors",
            f"the daemon may open only {daemon.descriptors} files",
            "when they run out under load, libmilter uses a whole core and answers no client",
            Remedy(UNIT, "LimitNOFILE=65536", "[Service]"),
        )


def examine_metrics(place: str, answer: Answer, runs: bool) -> Iterator[Problem]:
    """Examine the metrics page at ``place``, as HOST:PORT."""
    if runs and answer is Answer.NONE:
        yield warning("metrics.silent", f"the metrics page at {place} does not answer", "monitoring sees nothing")
    elif not runs and answer is Answer.OTHER:
        yield error(
            "metrics.taken",
            f"another program answers at {place}",
            "the daemon can't start",
            Remedy(TOML, 'listen = "127.0.0.1:9798"', "[metrics]"),
        )


def count_of(name: str, page: str) -> int:
    """Return the value of a counter without labels on a metrics page; 0 if it is not there."""
    values = (line.partition(" ")[2] for line in page.splitlines() if line.startswith(f"{name} "))
    try:
        return int(float(next(values, "0")))
    except (ValueError, OverflowError):
        return 0
