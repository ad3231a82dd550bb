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
from reply_milter.ports import NO_LOGIN, ConnectionTelemetry, Conversation, Login

log = logging.getLogger(__name__)

_CONTINUE = int(Milter.CONTINUE)
_IDLE_SECONDS = 7200  # libmilter gives a silent MTA up; Postfix keeps a session for an hour at most


@dataclass(frozen=True, slots=True)
class Negotiation:
    """What one kind of milter asks of the MTA: the ``steps`` that it can do without, and the ``actions`` it takes.

    ``stages``: what RCPT and end of message are called in metrics. ``asks_login``: whether MAIL needs to know as
    whom the client has authenticated.
    """

    steps: int
    actions: int
    stages: tuple[str, str]
    asks_login: bool = False


_NEVER = Milter.P_NOHELO | Milter.P_NOUNKNOWN | Milter.P_NODATA | Milter.P_NOEOH
_SILENT = Milter.P_NR_CONN | Milter.P_NR_MAIL | Milter.P_NR_HDR
_EDITS = Milter.ADDHDRS | Milter.CHGHDRS
VERIFY = Negotiation(_NEVER | Milter.P_SKIP | _SILENT, _EDITS | Milter.DELRCPT | Milter.QUARANTINE, ("rcpt", "eom"))
SIGN = Negotiation(_NEVER | Milter.P_NOBODY | _SILENT, _EDITS, ("sign_rcpt", "sign_eom"), asks_login=True)


class Session:
    """One connection of the MTA, and what to return from the steps that say no more than "go on".

    ``broken``: a message could not be begun, and MAIL could not say so. What follows of it is deferred.
    """

    __slots__ = ("after_body", "after_connect", "after_header", "after_mail", "broken", "connection", "telemetry")

    def __init__(self, steps: int, telemetry: ConnectionTelemetry) -> None:
        self.connection: Conversation | None = None
        self.telemetry = telemetry
        self.broken = False
        self.after_connect, self.after_mail, self.after_header = (
            int(Milter.NOREPLY if steps & silent else Milter.CONTINUE)
            for silent in (Milter.P_NR_CONN, Milter.P_NR_MAIL, Milter.P_NR_HDR)
        )
        self.after_body = int(Milter.SKIP if steps & Milter.P_SKIP else Milter.CONTINUE)  # where no more is wanted

    def must_be_whole(self) -> None:
        """Raise if the message on its way was never begun."""
        if self.broken:
            raise RuntimeError("this message could not be begun")


class MilterCallbacks:
    """The callbacks of one process. ``converse`` starts a conversation with a client, given its IP address.

    ``telemetry``: who counts what that client does.
    """

    def __init__(
        self,
        converse: Callable[[str], Conversation],
        needs: Negotiation,
        telemetry: Callable[[str], ConnectionTelemetry],
    ) -> None:
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
        """Take of what the MTA offers what is needed. Without SKIP or no-reply support we answer each step.

        Refuse the session of an MTA that lets no header field be added or changed: each reply would end in a deferral.
        """
        if options[0] & _EDITS != _EDITS:
            log.error("the MTA does not offer to add and change header fields (SMFIF_ADDHDRS, SMFIF_CHGHDRS): refused")
            return int(Milter.REJECT)
        steps = options[1] & self._needs.steps
        options[0] &= self._needs.actions
        options[1], options[2], options[3] = steps, 0, 0
        ctx.setpriv(Session(steps, self._telemetry("")))
        return int(Milter.CONTINUE)

    def _connect(self, ctx: Any, _host: str, _family: int, address: Any) -> int:
        session = self._session(ctx, address[0] if isinstance(address, tuple) else "")
        status: int = session.after_connect
        return status

    def _session(self, ctx: Any, client: str = "") -> Any:
        """A peer that leaves out negotiation, or connecting, is a client without an address, and judged as strictly."""
        session = ctx.getpriv()
        if session is None:
            session = Session(0, self._telemetry(""))
            ctx.setpriv(session)
        if session.connection is None:
            session.connection = self._converse(client)
            session.telemetry = self._telemetry(client)
            session.telemetry.connection_opened()
        return session

    def _mail(self, ctx: Any, sender: bytes, *_parameters: bytes) -> int:
        session = self._session(ctx)
        self._busy.add(session)
        try:
            # A login that is no UTF-8 is none: it could be told from no other.
            name = _macro(ctx, "{auth_authen}", unreadable=None) if self._needs.asks_login else None
            session.connection.mail(_text(sender), Login(name) if name else NO_LOGIN)
            session.broken = False
        except Exception:
            log.exception("cannot begin a message")
            session.broken = True
        status: int = session.after_mail
        return status

    def _rcpt(self, ctx: Any, argument: bytes, *_parameters: bytes) -> int:
        session = self._session(ctx)
        session.telemetry.stage_started()
        connection: Conversation = session.connection
        try:
            session.must_be_whole()
            over_smtp = _macro(ctx, "{rcpt_mailer}", unreadable="") is not None
            resolved, queue_id = _macro(ctx, "{rcpt_addr}", unreadable=None), _macro(ctx, "i", unreadable=None)
            verdict = connection.rcpt(_text(argument), resolved, over_smtp, queue_id or "")
            status = answer(ctx, verdict)
        except Exception:
            log.exception("cannot decide at RCPT")
            session.telemetry.internal_error(self._needs.stages[0])
            status = come_again(ctx)
        session.telemetry.stage_ended(self._needs.stages[0])
        return status

    def _header(self, ctx: Any, name: str, value: bytes) -> int:
        session = self._session(ctx)
        try:
            session.connection.header(name, value.decode("utf-8", "surrogateescape"))
        except Exception:
            log.exception("cannot read a header field")
            session.connection.mark_broken()
        status: int = session.after_header
        return status

    def _body(self, ctx: Any, chunk: bytes) -> int:
        session = self._session(ctx)
        try:
            wanted = session.connection.body(chunk)
        except Exception:
            log.exception("cannot read the body")
            session.telemetry.internal_error(self._needs.stages[1])
            return come_again(ctx)
        status: int = _CONTINUE if wanted else session.after_body
        return status

    def _end_of_message(self, ctx: Any) -> int:
        session = self._session(ctx)
        session.telemetry.stage_started()
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
            session.telemetry.internal_error(self._needs.stages[1])
            status = come_again(ctx)
        self._busy.discard(session)
        session.telemetry.stage_ended(self._needs.stages[1])
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
            session.telemetry.connection_closed()
        return int(Milter.CONTINUE)


def _macro(ctx: Any, name: str, unreadable: str | None) -> str | None:
    """A macro of the MTA, None if it gives none; pymilter reads no other text than UTF-8."""
    try:
        value: str | None = ctx.getsymval(name)
    except UnicodeDecodeError:
        return unreadable
    return value


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
