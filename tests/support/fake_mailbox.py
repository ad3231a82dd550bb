"""A mailbox in memory. tests/contract/test_mailbox.py holds it to what a real server does."""

import time
from collections.abc import Mapping, Sequence

from reply_milter.ports.mailbox import (
    BEGINNINGS_AT_ONCE,
    UIDS_AT_ONCE,
    Capabilities,
    MailboxRefusedError,
    MailboxUnavailableError,
    Opened,
    Refusal,
    Removal,
)

ALL = Capabilities(move=True, uidplus=True, idle=True, keywords=True)


class FakeMailbox:
    """Implements ``ports.mailbox.Mailbox``. ``messages`` by UID; ``folders`` hold what was moved there, by name.

    ``unavailable``, ``refusing`` and ``full`` make the next calls fail: the connection is lost, the server says no at
    ``open``, no folder takes a message.
    """

    def __init__(self, capabilities: Capabilities = ALL, uidvalidity: int = 1) -> None:
        self.capabilities = capabilities
        self.uidvalidity = uidvalidity
        self.messages: dict[int, bytes] = {}
        self.folders: dict[str, list[bytes]] = {}
        self.marked: set[int] = set()
        self.calls: list[str] = []
        self.unavailable = ""
        self.refusing = ""
        self.full = False
        self._next = 1
        self._is_open = False
        self._news = False

    def deliver(self, message: bytes, count: int = 1) -> None:
        """Put copies of a message into the mailbox."""
        for _ in range(count):
            self.messages[self._next] = message
            self._next += 1
        self._news = True

    def open(self) -> Opened:
        """See ``ports.mailbox.Mailbox``."""
        self.calls.append("open")
        if self.unavailable:
            raise MailboxUnavailableError(self.unavailable)
        if self.refusing:
            raise MailboxRefusedError(self.refusing)
        self._is_open = True
        return Opened(self.uidvalidity, self._next, self.capabilities)

    def uids_after(self, uid: int) -> tuple[int, ...]:
        """See ``ports.mailbox.Mailbox``."""
        self._call("uids_after")
        self._news = False
        return tuple(sorted(one for one in self.messages if one > uid and one not in self.marked))[:UIDS_AT_ONCE]

    def sizes(self, uids: tuple[int, ...]) -> Mapping[int, int]:
        """See ``ports.mailbox.Mailbox``."""
        self._call("sizes")
        return {uid: len(self.messages[uid]) for uid in uids if uid in self.messages}

    def fetch(self, uid: int, limit: int) -> bytes | None:
        """See ``ports.mailbox.Mailbox``."""
        self._call("fetch")
        message = self.messages.get(uid)
        return None if message is None else message[:limit]

    def beginnings(self, uids: Sequence[int], limit: int) -> Mapping[int, bytes]:
        """See ``ports.mailbox.Mailbox``."""
        assert len(uids) <= BEGINNINGS_AT_ONCE
        self._call("beginnings")
        return {uid: self.messages[uid][:limit] for uid in uids if uid in self.messages}

    def move(self, uids: Sequence[int], folder: str) -> Mapping[int, Removal | Refusal]:
        """See ``ports.mailbox.Mailbox``."""
        self._call("move")
        return {uid: self._move(uid, folder) for uid in uids}

    def delete(self, uids: Sequence[int]) -> Mapping[int, Removal | Refusal]:
        """See ``ports.mailbox.Mailbox``."""
        if not self.capabilities.uidplus:
            return self.move(uids, "Replies/Processed")
        self._call("delete")
        return {uid: Removal.GONE if self.messages.pop(uid, None) is None else Removal.REMOVED for uid in uids}

    def _move(self, uid: int, folder: str) -> Removal | Refusal:
        if not (self.capabilities.move or self.capabilities.uidplus):
            return self._mark(uid)
        if self.full:
            return Refusal(f'the folder "{folder}" takes no message')
        message = self.messages.pop(uid, None)
        if message is not None:
            self.folders.setdefault(folder, []).append(message)
        return Removal.REMOVED if message is not None or not self.capabilities.uidplus else Removal.GONE

    def wait(self, seconds: float) -> bool:
        """See ``ports.mailbox.Mailbox``."""
        self._call("wait")
        if not self._news:
            time.sleep(min(seconds, 0.01))
        news, self._news = self._news, False
        return news

    def close(self) -> None:
        """See ``ports.mailbox.Mailbox``."""
        self._is_open = False

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.unavailable or not self._is_open:
            self._is_open = False
            raise MailboxUnavailableError(self.unavailable or "the mailbox is not open")

    def _mark(self, uid: int) -> Removal:
        if self.capabilities.keywords:
            self.marked.add(uid)
        return Removal.MARKED
