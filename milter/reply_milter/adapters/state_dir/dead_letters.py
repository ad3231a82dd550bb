"""Keep dead letters as files in ``[delivery] dead_letters``, by default ``state_dir/dead-letters``.

Per letter, ``ID.eml`` is the message as it arrived, and ``ID.json`` one object: id, reason, detail, handler, user (or
null), sender, recipient, since (Unix seconds). People may move both files away.

Crash safety: each file is written under a temporary name, synced, renamed, and its folder synced. A letter exists when
its ``ID.json`` does, which is written last and removed first. What a crash leaves is a temporary file or an ``ID.eml``
alone; neither is listed, and the MTA hands the message over again.
"""

import json
import os
import re
from pathlib import Path

from reply_milter import files
from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.seal.sealed_reply import Undeliverable

_ID = re.compile(r"[a-z2-7]{26}", re.ASCII)
_FOLDER_MODE = 0o700


class DeadLetterFolder:
    """Implements ``ports.delivery.DeadLetters``. ``folder`` is made with the first letter."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def keep(self, letter: DeadLetter, message: bytes) -> None:
        """See ``ports.delivery.DeadLetters``."""
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        members = {
            "id": letter.id,
            "reason": letter.reason.value,
            "detail": letter.detail,
            "handler": letter.handler,
            "user": letter.user,
            "sender": letter.sender,
            "recipient": letter.recipient,
            "since": letter.since,
        }
        files.replace(self._folder / f"{letter.id}.eml", message)
        files.replace(self._folder / f"{letter.id}.json", json.dumps(members, indent=1).encode() + b"\n")

    def all(self) -> list[DeadLetter]:
        """See ``ports.delivery.DeadLetters``."""
        try:
            names = [name.removesuffix(".json") for name in os.listdir(self._folder) if name.endswith(".json")]
        except FileNotFoundError:  # made with the first letter
            return []
        found = [letter for name in names if (letter := self.find(name)) is not None]
        return sorted(found, key=lambda letter: (letter.since, letter.id))

    def find(self, identifier: str) -> DeadLetter | None:
        """See ``ports.delivery.DeadLetters``. None also for a file of another format."""
        if not _ID.fullmatch(identifier):
            return None
        try:
            members = json.loads((self._folder / f"{identifier}.json").read_bytes())
            return DeadLetter(**{**members, "reason": Undeliverable(members["reason"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def message(self, identifier: str) -> bytes:
        """See ``ports.delivery.DeadLetters``."""
        return (self._folder / f"{identifier}.eml").read_bytes()

    def remove(self, identifier: str) -> None:
        """See ``ports.delivery.DeadLetters``."""
        for suffix in ("json", "eml"):
            (self._folder / f"{identifier}.{suffix}").unlink(missing_ok=True)
