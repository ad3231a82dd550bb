"""``[canary]``: how often the daemon tries its own verify socket."""

from dataclasses import dataclass

from reply_milter.core.encoding.toml_table import Table, between


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """``interval_seconds``: between two tries; 0 for none."""

    interval_seconds: int


def read_canary(table: Table) -> CanarySettings:
    """Read ``[canary]``."""
    found = CanarySettings(table.take("interval_seconds", 60, between(0, 86400)))
    table.unknown()
    return found
