"""Waiting for news of the mailbox: IDLE (RFC 2177), or NOOP from time to time."""

import time

from reply_milter.adapters.imap.client import errors_told
from reply_milter.adapters.imap.session import COMMAND_OCTETS, COMMAND_SECONDS, Session
from reply_milter.ports.mailbox import MailboxUnavailableError

RENEWED_SECONDS = 540.0  # servers may log out after 30 minutes, and routers forget a connection sooner


class Idling:
    """Waits on one session. IDLE stays on between calls of ``wait``; every other command needs ``end`` before."""

    def __init__(self, session: Session, idle: bool, poll_seconds: float) -> None:
        self._session = session
        self._idle = idle
        self._poll_seconds = poll_seconds
        self._tag: bytes | None = None
        self._since = time.monotonic()  # IDLE's begin, or the last NOOP

    def wait(self, deadline: float) -> bool:
        """Wait until ``deadline``, of the monotonic clock; True at news."""
        self._session.note_news()
        while not self._session.has_news:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._idle:
                self._idled(left)
            else:
                self._polled(left)
        self._session.has_news = False
        return True

    def end(self) -> None:
        """End IDLE, if it is on."""
        if self._tag is None:
            return
        tag, self._tag = self._tag, None
        wire = self._session.wire
        wire.begin(COMMAND_SECONDS, COMMAND_OCTETS)
        with errors_told("ending IDLE"):
            wire.send(b"DONE\r\n")
            wire._command_complete("IDLE", tag)
        self._session.note_news()

    def _idled(self, seconds: float) -> None:
        if self._tag is None:
            self._begin()
            return
        left = self._since + RENEWED_SECONDS - time.monotonic()
        if left <= 0:
            self.end()
        elif self._session.wire.is_readable(min(left, seconds)):
            self._take()

    def _begin(self) -> None:
        self._session.begin()
        wire = self._session.wire
        with errors_told("beginning IDLE"):
            tag = wire._command("IDLE")
            while wire._get_response() is not None:  # None: the continuation
                wire._check_bye()
                if wire.tagged_commands.get(tag):
                    raise MailboxUnavailableError("the server refuses IDLE: set idle = false")
        self._tag = tag
        self._since = time.monotonic()
        self._session.note_news()

    def _take(self) -> None:
        """Read one response. Each has a deadline and a bound of its own: IDLE itself may last."""
        wire = self._session.wire
        wire.begin(COMMAND_SECONDS, COMMAND_OCTETS)
        wire.untagged_responses.clear()
        with errors_told("waiting"):
            wire._get_response()
            wire._check_bye()
        self._session.note_news()

    def _polled(self, seconds: float) -> None:
        """Ask when it is time to; sleep until then, or until the server says something by itself."""
        left = self._since + self._poll_seconds - time.monotonic()
        if left > 0 and not self._session.wire.is_readable(min(left, seconds)):
            return
        if left > 0:
            self._take()
            return
        self._session.plain("polling", "NOOP")
        self._since = time.monotonic()
        self._session.note_news()
