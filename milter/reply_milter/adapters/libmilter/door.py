"""libmilter's callbacks, through pymilter's C module: translates, has no opinion, and is the one error boundary.

Fewer steps and replies are negotiated than the MTA offers, so that mail which is none of our business costs the
least. One socket and one set of callbacks a process: libmilter is process-global. Its callbacks of one connection run
on changing threads, one at a time, so state lives in the session and never in thread-locals.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import Milter

from reply_milter.adapters.libmilter.answers import NAME, answer, come_again
from reply_milter.ports import Conversation, DoorTelemetry

log = logging.getLogger(__name__)

_IDLE_SECONDS = 7200  # libmilter gives a silent MTA up; Postfix keeps a session for an hour at most


@dataclass(frozen=True, slots=True)
class Needs:
    """What one kind of milter asks of the MTA: the ``steps`` that it can do without, and the ``actions`` it takes.

    ``stages``: what RCPT and end of message are called in metrics. ``asks_login``: whether MAIL needs to know that
    the client has authenticated.
    """

    steps: int
    actions: int
    stages: tuple[str, str]
    asks_login: bool = False


_NEVER = Milter.P_NOHELO | Milter.P_NOUNKNOWN | Milter.P_NODATA | Milter.P_NOEOH
_SILENT = Milter.P_NR_CONN | Milter.P_NR_MAIL | Milter.P_NR_HDR
_EDITS = Milter.ADDHDRS | Milter.CHGHDRS
VERIFY = Needs(_NEVER | Milter.P_SKIP | _SILENT, _EDITS | Milter.DELRCPT | Milter.QUARANTINE, ("rcpt", "eom"))
SIGN = Needs(_NEVER | Milter.P_NOBODY | _SILENT, _EDITS, ("sign_rcpt", "sign_eom"), asks_login=True)


class Session:
    """One connection of the MTA. ``no_reply``: the steps that it does not wait for.

    ``broken``: a message could not be begun, and MAIL could not say so. What follows of it is deferred.
    """

    __slots__ = ("broken", "connection", "no_reply")

    def __init__(self, no_reply: int) -> None:
        self.connection: Conversation | None = None
        self.no_reply = no_reply
        self.broken = False

    def must_be_whole(self) -> None:
        """Raise if the message on its way was never begun."""
        if self.broken:
            raise RuntimeError("this message could not be begun")


class Door:
    """The callbacks of one process. ``converse`` starts a conversation with a client, given its IP address."""

    def __init__(self, converse: Callable[[str], Conversation], needs: Needs, telemetry: DoorTelemetry) -> None:
        self._converse = converse
        self._needs = needs
        self._telemetry = telemetry
        self._busy: set[Session] = set()

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return not self._busy

    def register(self) -> None:
        """Make this the process's milter. Once, before ``serve``."""
        c = Milter.milter
        c.set_flags(self._needs.actions)
        c.set_exception_policy(Milter.TEMPFAIL)
        c.settimeout(_IDLE_SECONDS)
        c.set_connect_callback(self._connect)
        c.set_envfrom_callback(self._mail)
        c.set_envrcpt_callback(self._rcpt)
        c.set_header_callback(self._header)
        c.set_body_callback(self._body)
        c.set_eom_callback(self._end_of_message)
        c.set_abort_callback(self._abort)
        c.set_close_callback(self._close)
        c.register(NAME, negotiate=self._negotiate)

    def _negotiate(self, ctx: Any, options: list[int]) -> int:
        """Take of what the MTA offers what is needed. Without SKIP or no-reply support we answer each step."""
        steps = options[1] & self._needs.steps
        options[0] &= self._needs.actions
        options[1], options[2], options[3] = steps, 0, 0
        ctx.setpriv(Session(steps))
        return int(Milter.CONTINUE)

    def _connect(self, ctx: Any, _host: str, _family: int, address: Any) -> int:
        session = self._session(ctx)
        session.connection = self._converse(address[0] if isinstance(address, tuple) else "")
        return self._go_on(session, Milter.P_NR_CONN)

    def _session(self, ctx: Any) -> Any:
        """A peer that leaves out negotiation, or connecting, is a client without an address, and judged as strictly."""
        session = ctx.getpriv()
        if session is None:
            session = Session(0)
            ctx.setpriv(session)
        if session.connection is None:
            session.connection = self._converse("")
            self._telemetry.connection_opened()
        return session

    def _mail(self, ctx: Any, sender: bytes, *_parameters: bytes) -> int:
        session = self._session(ctx)
        self._busy.add(session)
        try:
            authenticated = self._needs.asks_login and bool(_macro(ctx, "{auth_authen}", unreadable=""))
            session.connection.mail(_text(sender), authenticated)
            session.broken = False
        except Exception:
            log.exception("cannot begin a message")
            session.broken = True
        return self._go_on(session, Milter.P_NR_MAIL)

    def _rcpt(self, ctx: Any, argument: bytes, *_parameters: bytes) -> int:
        self._telemetry.stage_started()
        session = self._session(ctx)
        connection: Conversation = session.connection
        try:
            session.must_be_whole()
            over_smtp = _macro(ctx, "{rcpt_mailer}", unreadable="") is not None
            resolved, queue_id = _macro(ctx, "{rcpt_addr}", unreadable=None), _macro(ctx, "i", unreadable=None)
            verdict = connection.rcpt(_text(argument), resolved, over_smtp, queue_id or "")
            status = answer(ctx, verdict)
        except Exception:
            log.exception("cannot decide at RCPT")
            status = come_again(ctx)
        self._telemetry.stage_ended(self._needs.stages[0])
        return status

    def _header(self, ctx: Any, name: str, value: bytes) -> int:
        session = self._session(ctx)
        try:
            session.connection.header(name, _text(value))
        except Exception:
            log.exception("cannot read a header field")
            session.connection.mark_broken()
        return self._go_on(session, Milter.P_NR_HDR)

    def _body(self, ctx: Any, chunk: bytes) -> int:
        session = self._session(ctx)
        try:
            wanted = session.connection.body(chunk)
        except Exception:
            log.exception("cannot read the body")
            return come_again(ctx)
        skip = not wanted and session.no_reply & Milter.P_SKIP
        return int(Milter.SKIP if skip else Milter.CONTINUE)

    def _end_of_message(self, ctx: Any) -> int:
        self._telemetry.stage_started()
        session = self._session(ctx)
        connection: Conversation = session.connection
        try:
            session.must_be_whole()
            verdict = connection.end_of_message(_macro(ctx, "i", unreadable=None) or "")
            status = answer(ctx, verdict)
            connection.done()
        except Exception:
            log.exception("cannot decide at end of message")
            # Half-made edits don't matter: the message is deferred, and the retry is a new one.
            connection.failed()
            status = come_again(ctx)
        self._busy.discard(session)
        self._telemetry.stage_ended(self._needs.stages[1])
        return status

    def _abort(self, ctx: Any) -> int:
        session = self._session(ctx)
        self._busy.discard(session)
        session.broken = False
        try:
            session.connection.abort()
        except Exception:
            log.exception("cannot abort a message")
        return int(Milter.CONTINUE)

    def _close(self, ctx: Any) -> int:
        session = ctx.getpriv()
        ctx.setpriv(None)
        if session is not None and session.connection is not None:
            self._busy.discard(session)
            self._telemetry.connection_closed()
        return int(Milter.CONTINUE)

    def _go_on(self, session: Session, step: int) -> int:
        return int(Milter.NOREPLY if session.no_reply & step else Milter.CONTINUE)


def _macro(ctx: Any, name: str, unreadable: str | None) -> str | None:
    """A macro of the MTA, None if it gives none; pymilter reads no other text than UTF-8."""
    try:
        value: str | None = ctx.getsymval(name)
    except UnicodeDecodeError:
        return unreadable
    return value


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
