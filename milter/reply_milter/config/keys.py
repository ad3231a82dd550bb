"""``[keys]``: the files that hold the keys."""

from dataclasses import dataclass

from reply_milter.core.encoding.toml_table import Table


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Paths of the master keys and of the seal keys; relative ones begin at the configuration file's folder."""

    file: str
    seal_file: str


def read_keys(table: Table) -> KeySettings:
    """Read ``[keys]``."""
    found = KeySettings(
        file=table.take("file", "/etc/reply-milter/keys.toml", _path),
        seal_file=table.take("seal_file", "/etc/reply-milter/seal.key", _path),
    )
    table.unknown()
    return found


def _path(value: str) -> str | None:
    return None if value else "must name a file"
