"""Implements ``ports.mailbox.Mailbox``: one mailbox at an IMAP server."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from reply_milter.adapters.imap.answers import LAST_UID, found_in, items, uid_set
from reply_milter.adapters.imap.client import Client, errors_told
from reply_milter.adapters.imap.folders import Folders
from reply_milter.adapters.imap.idling import Idling
from reply_milter.adapters.imap.login import Secret, log_in
from reply_milter.adapters.imap.removing import KEYWORD, Remover
from reply_milter.adapters.imap.session import COMMAND_OCTETS, Session
from reply_milter.core.fetching.account import Account
from reply_milter.ports.delivery import Names
from reply_milter.ports.mailbox import (
    UIDS_AT_ONCE,
    Capabilities,
    MailboxRefusedError,
    MailboxUnavailableError,
    Opened,
    Refusal,
    Removal,
)

PIECE_OCTETS: Final = 1 << 20  # of a message per command
_AT_ONCE_OF_ALL = 50_000  # messages, or UIDs: a search of so many answers with half a megabyte


class ImapMailbox:
    """Implements ``ports.mailbox.Mailbox``. ``secret`` is asked at each login; it raises the port's errors."""

    def __init__(self, account: Account, secret: Secret, names: Names, poll_seconds: float) -> None:
        self._account = account
        self._secret = secret
        self._names = names
        self._poll_seconds = poll_seconds
        self._session: Session | None = None
        self._ahead: list[int] = []

    def open(self) -> Opened:
        """See ``ports.mailbox.Mailbox``."""
        self.close()
        with errors_told(f"connecting to {self._account.host}"):
            self._session = Session(Client(self._account, self._names))
        try:
            return self._opened(self._session)
        except (MailboxUnavailableError, MailboxRefusedError):
            self.close()
            raise

    def uids_after(self, uid: int) -> tuple[int, ...]:
        """See ``ports.mailbox.Mailbox``."""
        self._ahead = [one for one in self._ahead if one > uid]
        if not self._ahead:
            self._ahead = self._searched(uid)
        found, self._ahead = self._ahead[:UIDS_AT_ONCE], self._ahead[UIDS_AT_ONCE:]
        return tuple(found)

    def sizes(self, uids: tuple[int, ...]) -> Mapping[int, int]:
        """See ``ports.mailbox.Mailbox``."""
        if not uids:
            return {}
        answer = self._ready().by_uid("asking for sizes", "FETCH", uid_set(uids), "(UID RFC822.SIZE)")
        told = items(answer, "asking for sizes")
        return {uid: size for uid in uids if (size := _size(told.get(uid, {}))) is not None}

    def beginnings(self, uids: Sequence[int], limit: int) -> Mapping[int, bytes]:
        """See ``ports.mailbox.Mailbox``."""
        doing = "fetching messages"
        octets = len(uids) * limit + COMMAND_OCTETS
        answer = self._ready().by_uid(doing, "FETCH", uid_set(uids), _asked(0, limit), octets=octets)
        told = items(answer, doing)
        found = {uid: _piece_in(told.get(uid, {}), 0, limit, doing) for uid in uids}
        return {uid: piece for uid, piece in found.items() if piece is not None}

    def fetch(self, uid: int, limit: int) -> bytes | None:
        """See ``ports.mailbox.Mailbox``."""
        message = bytearray()
        while len(message) < limit:
            wanted = min(PIECE_OCTETS, limit - len(message))
            piece = self._piece(uid, len(message), wanted)
            if piece is None:
                return None
            message += piece
            if len(piece) < wanted:
                break
        return bytes(message)

    def move(self, uids: Sequence[int], folder: str) -> Mapping[int, Removal | Refusal]:
        """See ``ports.mailbox.Mailbox``."""
        self._ready()
        return self._remover.move(uids, folder)

    def delete(self, uids: Sequence[int]) -> Mapping[int, Removal | Refusal]:
        """See ``ports.mailbox.Mailbox``."""
        self._ready()
        return self._remover.delete(uids)

    def wait(self, seconds: float) -> bool:
        """See ``ports.mailbox.Mailbox``."""
        if self._session is None:
            raise MailboxUnavailableError("the mailbox is not open")
        return self._idling.wait(time.monotonic() + seconds)

    def has_folder(self, folder: str) -> bool:
        """Return whether a folder is there, for an examination of the server."""
        self._ready()
        return self._folders.is_there(folder)

    def close(self) -> None:
        """See ``ports.mailbox.Mailbox``."""
        session, self._session, self._ahead = self._session, None, []
        if session is not None:
            session.end()

    def _opened(self, session: Session) -> Opened:
        log_in(session, self._account, self._secret)
        session.begin()
        with errors_told("asking for capabilities"):
            offered = frozenset(session.client.capabilities())
        folders = self._folders = Folders(session)
        answer = session.select(folders.name(self._account.mailbox), self._account.mailbox)
        capabilities = Capabilities(
            move=b"MOVE" in offered,
            uidplus=b"UIDPLUS" in offered,
            idle=b"IDLE" in offered,
            keywords=b"\\*" in (session.code("PERMANENTFLAGS") or b""),
        )
        self._idling = Idling(session, capabilities.idle and self._account.idle, self._poll_seconds)
        self._remover = Remover(session, folders, capabilities, b"X-GM-EXT-1" in offered, self._account.processed)
        return Opened(answer.uidvalidity, answer.uidnext, capabilities)

    def _ready(self) -> Session:
        """Return the session, with IDLE ended."""
        if self._session is None:
            raise MailboxUnavailableError("the mailbox is not open")
        self._idling.end()
        return self._session

    def _searched(self, uid: int) -> list[int]:
        """Search for messages above ``uid``: all at once where they are few, else by pieces of the range of UIDs."""
        session = self._ready()
        session.begin()
        session.has_news = False
        if session.exists <= _AT_ONCE_OF_ALL:
            return self._found(uid + 1, "*")
        last = self._last()
        for first in range(uid + 1, last + 1, _AT_ONCE_OF_ALL):
            if found := self._found(first, str(min(first + _AT_ONCE_OF_ALL - 1, LAST_UID))):
                return found
        return []

    def _found(self, first: int, last: str) -> list[int]:
        """Return UIDs from ``first`` to ``last`` that are neither done nor deleted. ``*`` may match one below."""
        answer = self._ready().by_uid(
            "searching", "SEARCH", "UID", f"{first}:{last}", "UNDELETED", "UNKEYWORD", KEYWORD
        )
        return [uid for uid in found_in(answer) if uid >= first]

    def _last(self) -> int:
        """Return the highest UID; 0 for an empty mailbox."""
        return max(found_in(self._ready().by_uid("searching", "SEARCH", "*")), default=0)

    def _piece(self, uid: int, begin: int, count: int) -> bytes | None:
        """Fetch ``count`` octets of a message, from ``begin`` on; fewer at its end, None if it is gone."""
        doing = "fetching a message"
        answer = self._ready().by_uid(doing, "FETCH", str(uid), _asked(begin, count), octets=count + COMMAND_OCTETS)
        return _piece_in(items(answer, doing).get(uid, {}), begin, count, doing)


def _asked(begin: int, count: int) -> str:
    """Return the items of a FETCH of ``count`` octets. PEEK: the message stays unseen."""
    return f"(UID BODY.PEEK[]<{begin}.{count}>)"


def _piece_in(told: Mapping[bytes, object], begin: int, count: int, doing: str) -> bytes | None:
    """Return the octets among the items of one message; None if they are not there."""
    name = f"BODY[]<{begin}>".encode()
    if name not in told:
        return None
    piece = told[name]
    if piece is None:  # NIL: some servers say so behind the end
        return b""
    if not isinstance(piece, bytes) or len(piece) > count:
        raise MailboxUnavailableError(f"{doing}: the server's answer can't be read")
    return piece


def _size(told: Mapping[bytes, object]) -> int | None:
    size = told.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else None
