"""Remember what this host last saw of its store, so that a loss of data is noticed even after a restart.

``store-marks.json`` is one object: ``host`` (this host's name in the store), ``marks`` ({part: [id, count]}),
``lost_at`` and ``put_back_at`` (Unix seconds, 0 for never; the latter is ``restored_at`` in the code), and ``former``
({part: [id, ...]}).

Crash safety: a new version is written to ``store-marks.json.new``, synced, and renamed over the old one. The folder is
not synced: after a power failure the old version may be back, so that the next comparison uses older marks. Only a
missing file is a first start. A file that can't be read, or that makes no sense, is an error: it may know of
revocations that the store has lost.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reply_milter import files
from reply_milter.core.epoch import Mark

NAME = "store-marks.json"
_FORMER = 4


@dataclass(frozen=True, slots=True)
class LossRecord:
    """``host`` names this host in the store. ``lost_at`` and ``restored_at``: Unix seconds, 0 for never.

    ``former``: the ids that a part had before the one of its mark, the latest last.
    """

    host: str
    marks: Mapping[str, Mark] = field(default_factory=dict)
    lost_at: int = 0
    restored_at: int = 0
    former: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether data was lost and revocations are not restored yet."""
        return self.lost_at > self.restored_at

    def seen(self, marks: Mapping[str, Mark]) -> "LossRecord":
        """Return the record after the store was seen with ``marks``."""
        former = dict(self.former)
        for name in marks.keys() & self.marks.keys():
            old, new = self.marks[name].id, marks[name].id
            if old != new:
                kept = [id for id in former.get(name, ()) if id not in (old, new)]
                former[name] = (*kept, old)[-_FORMER:]
        return replace(self, marks={**self.marks, **marks}, former=former)

    def lost(self, now: int) -> "LossRecord":
        """Return the record after a loss."""
        return replace(self, lost_at=max(now, self.restored_at + 1))

    def restored(self, now: int) -> "LossRecord":
        """Return the record after revocations were restored."""
        return replace(self, restored_at=max(now, self.lost_at))


class LossRecordError(Exception):
    """The record can't be read. The message says where and why. ``damaged``: it was read, and makes no sense."""

    def __init__(self, message: str, damaged: bool) -> None:
        super().__init__(message)
        self.damaged = damaged


def new_record() -> LossRecord:
    """Return the record of a first start: no marks, and a new host name."""
    return LossRecord(secrets.token_hex(8))


def read_record(folder: Path) -> LossRecord:
    """Read the record. A missing file is a first start.

    Raises:
        LossRecordError: the file is there, and can't be read, or makes no sense.
    """
    path = folder / NAME
    try:
        return _record(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return new_record()
    except OSError as error:
        raise LossRecordError(f"{path}: {error.strerror}", damaged=False) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LossRecordError(f"{path}: is damaged", damaged=True) from error


def _record(members: Any) -> LossRecord:
    marks = {str(name): Mark(str(id), int(count)) for name, (id, count) in members["marks"].items()}
    former = {str(name): tuple(map(str, ids)) for name, ids in members.get("former", {}).items()}
    return LossRecord(str(members["host"]), marks, int(members["lost_at"]), int(members["put_back_at"]), former)


def write_record(folder: Path, record: LossRecord) -> None:
    """Write the record: the whole new version is on disk afterwards, or the old one.

    Raises:
        OSError: it can't be written.
    """
    marks = {name: [mark.id, mark.count] for name, mark in record.marks.items()}
    times = {"lost_at": record.lost_at, "put_back_at": record.restored_at}
    members = {"host": record.host, "marks": marks, **times, "former": record.former}
    files.replace(folder / NAME, json.dumps(members).encode())
