"""A mailbox in memory, as an IMAP server keeps it, for tests of the flow that reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reply_milter.ports.mailbox import UIDS_AT_ONCE, Capabilities, MailboxUnavailableError, Opened, Removal


@dataclass
class MemoryMailbox:
    """Implements ``ports.mailbox.Mailbox``. ``folders``: what was moved, by name, in order.

    ``before``: called with the name of each method and its UID; what it raises, the method raises.
    """

    messages: dict[int, bytes] = field(default_factory=dict)
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    deleted: list[bytes] = field(default_factory=list)
    uidvalidity: int = 1
    uidnext: int = 1
    before: Callable[[str, int], None] = lambda _name, _uid: None
    calls: list[tuple[str, int]] = field(default_factory=list)
    connected: bool = True

    def append(self, message: bytes) -> int:
        """Put a message into the mailbox, as its server does; return its UID."""
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        self.messages[uid] = message
        return uid

    def renumber(self) -> None:
        """Give each message another UID, as after a restore from a backup."""
        self.uidvalidity += 1
        kept, self.messages, self.uidnext = list(self.messages.values()), {}, 1
        for message in kept:
            self.append(message)

    def open(self) -> Opened:
        """See ``ports.mailbox.Mailbox``."""
        self.connected = True
        self._called("open", 0)
        return Opened(self.uidvalidity, self.uidnext, Capabilities(True, True, True, True))

    def uids_after(self, uid: int) -> tuple[int, ...]:
        """See ``ports.mailbox.Mailbox``."""
        self._called("uids_after", uid)
        return tuple(sorted(one for one in self.messages if one > uid)[:UIDS_AT_ONCE])

    def sizes(self, uids: tuple[int, ...]) -> Mapping[int, int]:
        """See ``ports.mailbox.Mailbox``."""
        self._called("sizes", uids[0])
        return {uid: len(self.messages[uid]) for uid in uids if uid in self.messages}

    def fetch(self, uid: int, limit: int) -> bytes | None:
        """See ``ports.mailbox.Mailbox``."""
        self._called("fetch", uid)
        found = self.messages.get(uid)
        return None if found is None else found[:limit]

    def move(self, uid: int, folder: str) -> Removal:
        """See ``ports.mailbox.Mailbox``."""
        self._called("move", uid)
        found = self.messages.pop(uid, None)
        if found is None:
            return Removal.GONE
        self.folders.setdefault(folder, []).append(found)
        return Removal.REMOVED

    def delete(self, uid: int) -> Removal:
        """See ``ports.mailbox.Mailbox``."""
        self._called("delete", uid)
        found = self.messages.pop(uid, None)
        if found is None:
            return Removal.GONE
        self.deleted.append(found)
        return Removal.REMOVED

    def wait(self, seconds: float) -> bool:
        """See ``ports.mailbox.Mailbox``. Never waits."""
        self._called("wait", 0)
        return False

    def close(self) -> None:
        """See ``ports.mailbox.Mailbox``."""
        self.connected = False

    def _called(self, name: str, uid: int) -> None:
        if not self.connected:
            raise MailboxUnavailableError("the connection is lost")
        self.calls.append((name, uid))
        try:
            self.before(name, uid)
        except MailboxUnavailableError:
            self.connected = False
            raise
