"""``[log]``: form and level of log lines."""

from dataclasses import dataclass

from reply_milter.core.encoding.toml_table import Table, one_of


@dataclass(frozen=True, slots=True)
class LogSettings:
    """``json``: one object per line; else text. ``level``: a name of the standard library's."""

    json: bool
    level: str


def read_log(table: Table) -> LogSettings:
    """Read ``[log]``."""
    found = LogSettings(
        json=table.take("format", "text", one_of("text", "json")) == "json",
        level=table.take("level", "info", one_of("debug", "info", "warning", "error")),
    )
    table.unknown()
    return found
