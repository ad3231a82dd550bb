"""Commands and their answers, on a connection that is logged in."""

import imaplib
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from reply_milter.adapters.imap.client import Client, errors_told, shown
from reply_milter.adapters.imap.wire import BoundedImap
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError

COMMAND_SECONDS: Final = 60.0
COMMAND_OCTETS: Final = 1 << 20
_CLOSE_SECONDS = 5.0
_DIGITS = 10  # of a number (RFC 3501 section 9)


class Answer(NamedTuple):
    """The server's answer to a command. ``words``: of its last line, with the response code."""

    ok: bool
    data: list[object]
    words: bytes


class Selected(NamedTuple):
    """A mailbox that was selected. ``uidnext``: 0 if the server does not tell."""

    uidvalidity: int
    uidnext: int


class Session:
    """One connection. ``has_news``: messages came since it was last set to False. ``exists``: how many there are."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.has_news = False
        self.exists = 0
        self._has_lost = False  # a message, since the last count

    @property
    def client(self) -> Client:
        """IMAPClient, for commands that it reads the answer to. Call ``begin`` before."""
        return self._client

    @property
    def wire(self) -> BoundedImap:
        """The connection below."""
        return self._client.wire

    def begin(self, octets: int = COMMAND_OCTETS, seconds: float = COMMAND_SECONDS) -> None:
        """Begin a command. What was said unasked before is forgotten: imaplib would keep it for ever."""
        self.note_news()
        self.wire.untagged_responses.clear()
        self.wire.begin(seconds, octets)

    def note_news(self) -> None:
        """Keep in mind whether the server told of new messages, and of how many there are.

        The same count again is no news: some servers tell it at each IDLE. After an EXPUNGE it means that one has come.
        """
        said = self.wire.untagged_responses
        self._has_lost = self._has_lost or "EXPUNGE" in said
        if "EXISTS" in said:
            with errors_told("counting messages"):
                counts = [int(_octets(one)[:_DIGITS]) for one in said["EXISTS"]]
            if self._has_lost or any(count != self.exists for count in counts):
                self.has_news = True
            self.exists = counts[-1]
            self._has_lost = False

    def select(self, name: str, shown_name: str) -> Selected:
        """Select a mailbox, by its ``name`` in quotes.

        Raises:
            MailboxRefusedError: it is not there, read-only, or has no lasting UIDs.
        """
        self.begin()
        with errors_told("selecting the mailbox"):
            try:
                typ, data = self.wire.select(name)
            except imaplib.IMAP4.readonly:
                raise MailboxRefusedError(f'the mailbox "{shown_name}" can only be read: grant more rights') from None
            if typ != "OK":
                raise MailboxRefusedError(f'the server opens no mailbox "{shown_name}": {shown(_last(data))}')
            uidvalidity = int(self.code("UIDVALIDITY") or 0)
            if not uidvalidity or self.code("UIDNOTSTICKY") is not None:
                raise MailboxRefusedError(f'the mailbox "{shown_name}" has no lasting UIDs: use another server')
            return Selected(uidvalidity, int(self.code("UIDNEXT") or 0))

    def code(self, name: str) -> bytes | None:
        """Return what a response code of the last command says (RFC 3501 section 7.1); None if it was not there."""
        found = self.codes(name)
        return found[-1] if found else None

    def codes(self, name: str) -> list[bytes]:
        """Return what each response code of this name says, in the answers to the last command."""
        return [_octets(one).partition(b"]")[0] for one in self.wire.untagged_responses.get(name, ())]

    def by_uid(self, doing: str, command: str, *arguments: str, octets: int = COMMAND_OCTETS) -> Answer:
        """Ask ``UID command``; ``data`` holds its untagged answers. The server's no is a value."""
        self.begin(octets)
        with errors_told(doing):
            typ, data = self.wire.uid(command, *arguments)
            said = list(data or ())
            return Answer(typ == "OK", said, _last(said))

    def plain(self, doing: str, command: str, *arguments: str) -> Answer:
        """Ask another command."""
        self.begin()
        with errors_told(doing):
            typ, data = self.wire._simple_command(command, *arguments)
            return Answer(typ == "OK", list(data), _last(data))

    def end(self) -> None:
        """Log out, and close the connection. Raises nothing."""
        with suppress(MailboxUnavailableError):
            self.begin(seconds=_CLOSE_SECONDS)
            with errors_told("logging out"):
                self.wire.logout()
        self.wire.shutdown()


def _last(data: Sequence[object]) -> bytes:
    return _octets(data[-1]) if data else b""


def _octets(said: object) -> bytes:
    """Return what was said in one line; nothing for a line with literals."""
    return said if isinstance(said, bytes) else b""
