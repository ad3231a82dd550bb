"""libmilter's callbacks, through pymilter's C module: translates, has no opinion, and is the one error boundary.

Fewer steps and replies are negotiated than the MTA offers, so that mail which is none of our business costs the
least. One socket and one set of callbacks a process: libmilter is process-global. Its callbacks of one connection run
on changing threads, one at a time, so state lives in the session and never in thread-locals.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

import Milter

from reply_milter.core.headers import Delete, Edit, Insert, RemoveRecipient
from reply_milter.core.verdict import Accept, Defer, Discard, Park, Reason, Reject, Verdict, reply_for
from reply_milter.flows.inbound import Connection
from reply_milter.flows.service import Service
from reply_milter.ports import DoorTelemetry

log = logging.getLogger(__name__)

_NAME = "reply-milter"
_IDLE_SECONDS = 7200  # libmilter gives a silent MTA up; Postfix keeps a session for an hour at most
_BACKLOG = 512
_STEPS = (
    Milter.P_NOHELO | Milter.P_NOUNKNOWN | Milter.P_NODATA | Milter.P_NOEOH | Milter.P_SKIP
    | Milter.P_NR_CONN | Milter.P_NR_MAIL | Milter.P_NR_HDR
)  # fmt: skip
_ACTIONS = Milter.ADDHDRS | Milter.CHGHDRS | Milter.DELRCPT | Milter.QUARANTINE


class ListenError(Exception):
    """The milter socket can't be opened; the message says why."""


class Session:
    """One connection of the MTA. ``no_reply``: the steps that it does not wait for."""

    __slots__ = ("connection", "no_reply")

    def __init__(self, no_reply: int) -> None:
        self.connection: Connection | None = None
        self.no_reply = no_reply


class Door:
    """The callbacks of one process. ``service`` is asked at each MAIL, so a reload needs nothing from here."""

    def __init__(self, service: Callable[[], Service], telemetry: DoorTelemetry) -> None:
        self._service = service
        self._telemetry = telemetry
        self._busy: set[Session] = set()

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return not self._busy

    def register(self) -> None:
        """Make this the process's milter. Once, before ``serve``."""
        c = Milter.milter
        c.set_flags(_ACTIONS)
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
        c.register(_NAME, negotiate=self._negotiate)

    def _negotiate(self, ctx: Any, options: list[int]) -> int:
        """Take of what the MTA offers what is needed. Without SKIP or no-reply support we answer each step."""
        steps = options[1] & _STEPS
        options[0] &= _ACTIONS
        options[1], options[2], options[3] = steps, 0, 0
        ctx.setpriv(Session(steps))
        return int(Milter.CONTINUE)

    def _connect(self, ctx: Any, _host: str, _family: int, address: Any) -> int:
        session = ctx.getpriv()
        if session is None:  # an MTA that does not negotiate
            session = Session(0)
            ctx.setpriv(session)
        client = address[0] if isinstance(address, tuple) else ""
        session.connection = Connection(self._service, client)
        self._telemetry.connection_opened()
        return self._go_on(session, Milter.P_NR_CONN)

    def _mail(self, ctx: Any, sender: bytes, *_parameters: bytes) -> int:
        session = ctx.getpriv()
        self._busy.add(session)
        session.connection.mail(_text(sender))
        return self._go_on(session, Milter.P_NR_MAIL)

    def _rcpt(self, ctx: Any, argument: bytes, *_parameters: bytes) -> int:
        self._telemetry.stage_started()
        connection: Connection = ctx.getpriv().connection
        try:
            over_smtp = _macro(ctx, "{rcpt_mailer}", unreadable="") is not None
            verdict = connection.rcpt(_text(argument), _macro(ctx, "{rcpt_addr}", unreadable=None), over_smtp)
            answer = _answer(ctx, verdict)
        except Exception:
            log.exception("cannot decide at RCPT")
            answer = _come_again(ctx)
        self._telemetry.stage_ended("rcpt")
        return answer

    def _header(self, ctx: Any, name: str, value: bytes) -> int:
        session = ctx.getpriv()
        try:
            session.connection.header(name, _text(value))
        except Exception:
            log.exception("cannot read a header field")
            session.connection.mark_broken()
        return self._go_on(session, Milter.P_NR_HDR)

    def _body(self, ctx: Any, chunk: bytes) -> int:
        session = ctx.getpriv()
        try:
            wanted = session.connection.body(chunk)
        except Exception:
            log.exception("cannot read the body")
            return _come_again(ctx)
        skip = not wanted and session.no_reply & Milter.P_SKIP
        return int(Milter.SKIP if skip else Milter.CONTINUE)

    def _end_of_message(self, ctx: Any) -> int:
        self._telemetry.stage_started()
        session = ctx.getpriv()
        connection: Connection = session.connection
        try:
            verdict = connection.end_of_message(_macro(ctx, "i", unreadable=None) or "")
            answer = _answer(ctx, verdict)
            connection.done()
        except Exception:
            log.exception("cannot decide at end of message")
            # Half-made edits don't matter: the message is deferred, and the retry is a new one.
            connection.failed()
            answer = _come_again(ctx)
        self._busy.discard(session)
        self._telemetry.stage_ended("eom")
        return answer

    def _abort(self, ctx: Any) -> int:
        session = ctx.getpriv()
        self._busy.discard(session)
        if session.connection is not None:
            session.connection.abort()
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


def serve() -> None:
    """Accept connections on the inherited socket. Never returns in good order: workers are ended by signal."""
    Milter.milter.main()


def listen(path: str, host: str, port: int) -> None:
    """Listen on ``path``, or on ``host`` and ``port``, before the workers are forked. Nobody else may connect yet.

    Raises:
        ListenError: something else listens there, or it is not ours to use.
    """
    family = "inet6" if ":" in host else "inet"
    Milter.milter.setconn(f"unix:{path}" if path else f"{family}:{port}@{host}")
    Milter.milter.setbacklog(_BACKLOG)
    Milter.milter.register(_NAME)  # libmilter opens no socket before a filter is known
    mask = os.umask(0o177)
    try:
        Milter.milter.opensocket(False)
    except Milter.error as error:
        raise ListenError(f"cannot listen on {path or f'{host} port {port}'}: is it in use, or not ours?") from error
    finally:
        os.umask(mask)


def _macro(ctx: Any, name: str, unreadable: str | None) -> str | None:
    """A macro of the MTA, None if it gives none; pymilter reads no other text than UTF-8."""
    try:
        value: str | None = ctx.getsymval(name)
    except UnicodeDecodeError:
        return unreadable
    return value


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _answer(ctx: Any, verdict: Verdict) -> int:
    """Perform a verdict: the one place where edits are made and replies are set."""
    match verdict:
        case Accept(edits=edits):
            _perform(ctx, edits)
            return int(Milter.CONTINUE)
        case Park(edits=edits, reason=reason):
            _perform(ctx, edits)
            ctx.quarantine(f"{_NAME}: {reason}")
            return int(Milter.CONTINUE)
        case Reject(reply=reply):
            ctx.setreply(reply.code, reply.enhanced, reply.text)
            return int(Milter.REJECT)
        case Defer(reply=reply):
            ctx.setreply(reply.code, reply.enhanced, reply.text)
            return int(Milter.TEMPFAIL)
        case Discard():
            return int(Milter.DISCARD)


def _perform(ctx: Any, edits: tuple[Edit, ...]) -> None:
    for edit in edits:
        match edit:
            case Delete(name, index):
                ctx.chgheader(name, index, None)
            case Insert(name, value):
                ctx.addheader(name, value, 0)
            case RemoveRecipient(argument):
                ctx.delrcpt(argument)


def _come_again(ctx: Any) -> int:
    """After an error of ours: the client keeps the mail, and the log has the traceback."""
    return _answer(ctx, Defer(Reason.INTERNAL, reply_for(Reason.INTERNAL)))
