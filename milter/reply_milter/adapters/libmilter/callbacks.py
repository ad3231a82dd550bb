"""libmilter's callbacks, through pymilter's C module. They translate, decide nothing, and catch every error of ours.

Fewer steps and replies are negotiated than the MTA offers, so that mail without a reply recipient costs the least.
There is one socket and one set of callbacks per process: libmilter is process-global. It runs the callbacks of one
connection on changing threads, one at a time, so state lives in the session and never in thread-locals.
"""

import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import Milter

from reply_milter.adapters.libmilter.answers import NAME, answer
from reply_milter.adapters.libmilter.listening import adopt, serve
from reply_milter.adapters.libmilter.negotiation import Negotiation
from reply_milter.adapters.libmilter.session import Session
from reply_milter.core.milter_protocol.options import EDIT_HEADERS
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Verdict
from reply_milter.flows.driving import drive, settled
from reply_milter.ports import DEFER_INTERNAL, NO_LOGIN, ConnectionTelemetry, Conversation, Login, Pending, Stage

log = logging.getLogger(__name__)

_CONTINUE: Final = int(Milter.CONTINUE)
_IDLE_SECONDS: Final = 7200  # libmilter then closes a silent MTA's connection; Postfix keeps one for an hour at most


class MilterCallbacks:
    """The callbacks of one process. ``converse`` starts a conversation with a client, given its IP address.

    ``telemetry`` returns what counts the steps of that client. ``accepts_early``: whether DATA may end a message.
    """

    def __init__(
        self,
        converse: Callable[[str], Conversation],
        needs: Negotiation,
        telemetry: Callable[[str], ConnectionTelemetry],
        accepts_early: Callable[[], bool] = lambda: False,
    ) -> None:
        self._converse = converse
        self._needs = needs
        self._telemetry = telemetry
        self._accepts_early = accepts_early
        self._over_tcp = False
        self._busy: set[Session] = set()

    def serve(self) -> None:
        """Answer. It returns only after an error: a signal ends the process."""
        serve()

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return not self._busy

    def prepare(self, listening: socket.socket) -> None:
        """Make this the process's milter on ``listening``. Once, while no other thread opens files."""
        self._register(over_tcp=listening.family is not socket.AF_UNIX)
        adopt(listening)

    def _register(self, over_tcp: bool) -> None:
        """Tell libmilter what to call. ``over_tcp``: MTAs connect to a TCP port."""
        self._over_tcp = over_tcp
        c = Milter.milter
        c.set_flags(self._needs.needs.actions)
        c.set_exception_policy(Milter.TEMPFAIL)
        c.settimeout(_IDLE_SECONDS)
        c.set_connect_callback(self._connect)
        c.set_envfrom_callback(self._mail)
        c.set_envrcpt_callback(self._rcpt)
        c.set_header_callback(self._header)
        c.set_eoh_callback(self._end_of_header)
        c.set_body_callback(self._body)
        c.set_eom_callback(self._end_of_message)
        c.set_abort_callback(self._abort)
        c.set_close_callback(self._close)
        c.register(NAME, data=self._data, negotiate=self._negotiate)

    def _negotiate(self, ctx: Any, options: list[int]) -> int:
        """Choose what is needed of what the MTA offers. Without SKIP or no-reply support we answer each step.

        Refuse the session of an MTA that allows no header edits: it would get 451 for each reply.
        """
        if options[0] & EDIT_HEADERS != EDIT_HEADERS:
            log.error("the MTA does not allow header edits (SMFIF_ADDHDRS, SMFIF_CHGHDRS): session refused")
            return int(Milter.REJECT)
        steps = self._needs.needs.choose(options[1], self._over_tcp, self._accepts_early())
        options[0] &= self._needs.needs.actions
        options[1], options[2], options[3] = steps, 0, 0
        ctx.setpriv(Session(steps, self._telemetry("")))
        return int(Milter.CONTINUE)

    def _connect(self, ctx: Any, _host: str, _family: int, address: Any) -> int:
        session = self._session(ctx, address[0] if isinstance(address, tuple) else "")
        return int(session.after_connect)

    def _session(self, ctx: Any, client: str = "") -> Any:
        """Return the session; a peer that skips negotiation or connect is a client without an address."""
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
            # A login that is not UTF-8 counts as none: two of them could look alike.
            name = _macro(ctx, "{auth_authen}", unreadable=None) if self._needs.asks_login else None
            session.connection.mail(_text(sender), Login(name) if name else NO_LOGIN)
        except Exception:
            log.exception("cannot begin a message%s", _queue(ctx))
            session.connection.abort()
            session.connection.mark_broken()
        return int(session.after_mail)

    def _rcpt(self, ctx: Any, argument: bytes, *_parameters: bytes) -> int:
        session, stage = self._session(ctx), self._needs.at_rcpt
        session.telemetry.stage_started()
        connection: Conversation = session.connection
        try:
            over_smtp = _macro(ctx, "{rcpt_mailer}", unreadable="") is not None
            resolved, queue_id = _macro(ctx, "{rcpt_addr}", unreadable=None), _macro(ctx, "i", unreadable=None)
            verdict = settled(connection.rcpt(_text(argument), resolved, over_smtp, queue_id or ""))
            status = _answer(ctx, session, stage, verdict)
        except Exception:
            log.exception("cannot decide at RCPT%s", _queue(ctx))
            status = _answer(ctx, session, stage, DEFER_INTERNAL)
        session.telemetry.stage_ended(stage)
        return status

    def _data(self, ctx: Any) -> int:
        """Accept a message at DATA where that is wanted, and nothing of it is needed.

        Nothing more comes of it: libmilter itself ignores the ABORT that MTAs send behind an accepted message.
        """
        if not self._accepts_early():
            return _CONTINUE
        session, stage = self._session(ctx), self._needs.at_end
        session.telemetry.stage_started()
        try:
            if session.connection.data():
                return _CONTINUE
            session.connection.done()
        except Exception:
            log.exception("cannot decide at DATA%s", _queue(ctx))
            session.connection.mark_broken()
            return _CONTINUE
        self._busy.discard(session)
        session.telemetry.stage_ended(stage)
        return int(Milter.ACCEPT)

    def _header(self, ctx: Any, name: str, value: bytes) -> int:
        session = self._session(ctx)
        try:
            session.connection.header(name, value.decode("utf-8", "surrogateescape"))
        except Exception:
            log.exception("cannot read a header field%s", _queue(ctx))
            session.connection.mark_broken()
        return int(session.after_header)

    def _end_of_header(self, ctx: Any) -> int:
        return int(self._session(ctx).after_end_of_header)

    def _body(self, ctx: Any, chunk: bytes) -> int:
        session = self._session(ctx)
        try:
            wanted = session.connection.body(chunk)
        except Exception:
            log.exception("cannot read the body%s", _queue(ctx))
            if session.after_body == Milter.NOREPLY:  # the end of the message is answered instead
                session.connection.mark_broken()
                return int(Milter.NOREPLY)
            return _answer(ctx, session, self._needs.at_end, DEFER_INTERNAL)
        status: int = session.after_body if wanted else session.after_last_body
        return status

    def _end_of_message(self, ctx: Any) -> int:
        session, stage = self._session(ctx), self._needs.at_end
        session.telemetry.stage_started()
        connection: Conversation = session.connection
        try:
            verdict = settled(connection.end_of_message(_macro(ctx, "i", unreadable=None) or ""))
            status = _answer(ctx, session, stage, verdict)
            connection.done()
        except Exception:
            log.exception("cannot decide at end of message%s", _queue(ctx))
            # Half-made edits don't matter: the message is deferred, and the client's retry is a new one.
            _release(connection.failed())
            status = _answer(ctx, session, stage, DEFER_INTERNAL)
        self._busy.discard(session)
        session.telemetry.stage_ended(stage)
        return status

    def _abort(self, ctx: Any) -> int:
        session = self._session(ctx)
        self._busy.discard(session)
        try:
            session.connection.abort()
        except Exception:
            log.exception("cannot abort a message%s", _queue(ctx))
        return int(Milter.CONTINUE)

    def _close(self, ctx: Any) -> int:
        session = ctx.getpriv()
        ctx.setpriv(None)
        if session is not None and session.connection is not None:
            self._busy.discard(session)
            session.telemetry.connection_closed()
        return int(Milter.CONTINUE)


def _answer(ctx: Any, session: Session, stage: Stage, verdict: Verdict) -> int:
    if verdict.reason is Reason.INTERNAL:
        session.telemetry.internal_error(stage)
    return answer(ctx, verdict)


def _release(pending: Pending[None] | None) -> None:
    if pending is not None:
        drive(pending.steps, pending.store)


def _queue(ctx: Any) -> str:
    """The queue id, by which the MTA's own lines are found, for the end of a log line; empty if there is none yet."""
    queue_id = _macro(ctx, "i", unreadable=None) or ""
    return f" queue={queue_id}" if queue_id and queue_id.isprintable() else ""


def _macro(ctx: Any, name: str, unreadable: str | None) -> str | None:
    """A macro of the MTA, None if it gives none; ``unreadable`` if it is not UTF-8, which pymilter cannot read."""
    try:
        value: str | None = ctx.getsymval(name)
    except UnicodeDecodeError:
        return unreadable
    return value


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
