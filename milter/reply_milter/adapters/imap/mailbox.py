"""Implements ``ports.mailbox.Mailbox``: one mailbox at an IMAP server."""

import time
from collections.abc import Mapping
from typing import Final

from imapclient.response_parser import parse_fetch_response, parse_message_list

from reply_milter.adapters.imap.client import Client, errors_told, shown
from reply_milter.adapters.imap.folders import Folders
from reply_milter.adapters.imap.idling import Idling
from reply_milter.adapters.imap.login import Secret, log_in
from reply_milter.adapters.imap.removing import KEYWORD, Remover
from reply_milter.adapters.imap.session import COMMAND_OCTETS, Answer, Session
from reply_milter.core.fetching.account import Account
from reply_milter.ports.delivery import Names
from reply_milter.ports.mailbox import (
    UIDS_AT_ONCE,
    Capabilities,
    MailboxRefusedError,
    MailboxUnavailableError,
    Opened,
    Removal,
)

PIECE_OCTETS: Final = 1 << 20  # of a message per command
_LAST_UID = (1 << 32) - 1
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
        answer = self._ready().by_uid("asking for sizes", "FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE)")
        wanted = set(uids)
        items = _items(answer, "asking for sizes")
        return {uid: size for uid, told in items.items() if uid in wanted and (size := _size(told)) is not None}

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

    def move(self, uid: int, folder: str) -> Removal:
        """See ``ports.mailbox.Mailbox``."""
        self._ready()
        return self._remover.move(uid, folder)

    def delete(self, uid: int) -> Removal:
        """See ``ports.mailbox.Mailbox``."""
        self._ready()
        return self._remover.delete(uid)

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
            if found := self._found(first, str(min(first + _AT_ONCE_OF_ALL - 1, _LAST_UID))):
                return found
        return []

    def _found(self, first: int, last: str) -> list[int]:
        """Return UIDs from ``first`` to ``last`` that are neither done nor deleted. ``*`` may match one below."""
        answer = self._ready().by_uid(
            "searching", "SEARCH", "UID", f"{first}:{last}", "UNDELETED", "UNKEYWORD", KEYWORD
        )
        return [uid for uid in _uids(answer) if uid >= first]

    def _last(self) -> int:
        """Return the highest UID; 0 for an empty mailbox."""
        return max(_uids(self._ready().by_uid("searching", "SEARCH", "*")), default=0)

    def _piece(self, uid: int, begin: int, count: int) -> bytes | None:
        """Fetch ``count`` octets of a message, from ``begin`` on; fewer at its end, None if it is gone."""
        doing = "fetching a message"
        asked = f"(UID BODY.PEEK[]<{begin}.{count}>)"
        answer = self._ready().by_uid(doing, "FETCH", str(uid), asked, octets=count + COMMAND_OCTETS)
        told = _items(answer, doing).get(uid, {})
        name = f"BODY[]<{begin}>".encode()
        if name not in told:
            return None
        piece = told[name]
        if piece is None:  # NIL: some servers say so behind the end
            return b""
        if not isinstance(piece, bytes) or len(piece) > count:
            raise MailboxUnavailableError(f"{doing}: the server's answer can't be read")
        return piece


def _items(answer: Answer, doing: str) -> Mapping[int, Mapping[bytes, object]]:
    """Read the items of a FETCH by UID. A message that was just expunged is no error (RFC 5530)."""
    if not answer.ok:
        if answer.words.startswith(b"[EXPUNGEISSUED]"):
            return {}
        raise MailboxUnavailableError(f"{doing}: {shown(answer.words)}")
    with errors_told(doing):
        found: Mapping[int, Mapping[bytes, object]] = parse_fetch_response(answer.data)
        return found


def _uids(answer: Answer) -> list[int]:
    if not answer.ok:
        raise MailboxUnavailableError(f"searching: {shown(answer.words)}")
    with errors_told("searching"):
        lines = [line for line in answer.data if isinstance(line, bytes)]
        return sorted({uid for line in lines for uid in parse_message_list([line]) if 0 < uid <= _LAST_UID})


def _size(told: Mapping[bytes, object]) -> int | None:
    size = told.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else None
