"""Write replies as files of a Maildir, for applications that poll a mailbox.

A file is named by the reply's id, so that a reply is never there twice, even if the process dies after it wrote the
file and before that is on record.
"""

import os
import secrets
from pathlib import Path

from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.verdict.destination import Maildir

_FOLDERS = ("tmp", "new", "cur")


class MaildirDeliverer:
    """Implements ``ports.delivery.Deliverer``."""

    name = "maildir"
    description = "a file in a Maildir"

    def __init__(self, maildir: Maildir) -> None:
        self._folder = Path(maildir.path)

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        try:
            for name in _FOLDERS:
                (self._folder / name).mkdir(mode=0o700, parents=name == _FOLDERS[0], exist_ok=True)
            if not self._has(reply.id):
                self._write(reply)
        except OSError as error:
            return Later(f"the Maildir can't be written: {error.strerror}")
        return Done()

    def _has(self, identifier: str) -> bool:
        """Whether it is there, read or unread: readers add flags behind a colon."""
        return any(
            entry.split(":")[0] == identifier for name in ("new", "cur") for entry in os.listdir(self._folder / name)
        )

    def _write(self, reply: Reply) -> None:
        temporary = self._folder / "tmp" / f"{reply.id}.{secrets.token_hex(4)}"
        try:
            with open(temporary, "xb") as file:
                file.write(reply.envelope.message.replace(b"\r\n", b"\n"))
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, self._folder / "new" / reply.id)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(self._folder / "new", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
