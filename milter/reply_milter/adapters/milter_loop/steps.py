"""The steps of one connection, translated for its conversation. The counterpart of ``libmilter.callbacks``.

They decide nothing, and catch every error of ours. A step that needs the store leaves a ``question`` behind; the loop
carries out no command of the connection until that is answered.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, final

from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.logged import queue_of, tell_of_kept
from reply_milter.adapters.milter_loop.question import Question, Then
from reply_milter.core.milter_protocol.answers import ACCEPT, CONTINUE, SKIP, TEMPFAIL, answer
from reply_milter.core.milter_protocol.arguments import Macros, text
from reply_milter.core.milter_protocol.options import Step
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Park, Reject, Verdict
from reply_milter.ports import DEFER_INTERNAL, NO_LOGIN, Conversation, Pending, Stage

log = logging.getLogger(__name__)

_EDITING: Final = (Accept, Park, Reject)  # where edits fail, libmilter notices that the MTA has hung up


@final
class Steps:
    """``is_gone``: asks whether the MTA has hung up. ``chosen``: the steps that were negotiated.

    ``answers``: octets for the MTA. ``in_message``: a message is on its way. ``is_over``: the MTA sends nothing more of
    the message, although its end did not come. ``is_unread``: nobody reads its header, nor has an answer to it; None
    before the first field.
    """

    __slots__ = (
        "_conversation", "_hooks", "_is_gone", "_started", "_telemetry",
        "answers", "chosen", "in_message", "is_over", "is_unread", "macros", "question",
    )  # fmt: skip

    def __init__(self, hooks: Hooks, is_gone: Callable[[], bool]) -> None:
        self._hooks = hooks
        self._is_gone = is_gone
        self._conversation: Conversation | None = None
        self._telemetry = hooks.telemetry("")
        self._started = 0.0
        self.answers: list[bytes] = []
        self.chosen = 0
        self.in_message = False
        self.is_over = False
        self.is_unread: bool | None = None
        self.macros = Macros()
        self.question: Question | None = None

    def begin(self, client: str = "") -> Conversation:
        """Return the conversation; a peer that skips the connect is a client without an address."""
        if self._conversation is None:
            self._conversation = self._hooks.converse(client)
            self._telemetry = self._hooks.telemetry(client)
            self._telemetry.connection_opened()
        return self._conversation

    def hang_up(self) -> None:
        """Forget the client and its message. No question is open."""
        if self._conversation is not None:
            self.abort()
            self._telemetry.connection_closed()
            self._conversation = None

    def go_on(self, unless: int) -> None:
        """Answer that the MTA may go on, unless it waits for no answer to this step."""
        if not self.chosen & unless:
            self.answers.append(CONTINUE)

    def mail(self, sender: bytes) -> None:
        """Begin a message."""
        conversation = self._conversation or self.begin()
        self.in_message = True
        self.is_unread = None
        try:
            conversation.mail(text(sender), NO_LOGIN)
        except Exception:
            log.exception("cannot begin a message%s", queue_of(self.macros))
            conversation.abort()
            conversation.mark_broken()
        self.go_on(unless=Step.SILENT_MAIL)

    def rcpt(self, argument: bytes) -> None:
        """Answer a recipient. A macro that is not UTF-8 counts as none, as in libmilter's Python binding."""
        conversation, macros = self._conversation or self.begin(), self.macros
        self._started = self._telemetry.stage_started()
        self.is_unread = None
        try:
            over_smtp = macros.get(b"{rcpt_mailer}") is not None
            resolved, queue_id = macros.text(b"{rcpt_addr}"), macros.text(b"i")
            outcome = conversation.rcpt(text(argument), resolved, over_smtp, queue_id or "")
        except Exception as error:  # noqa: BLE001 # logged and answered there
            self._after_rcpt(None, error)
        else:
            self._go_on_with(outcome, self._after_rcpt)

    def _after_rcpt(self, verdict: Verdict | None, error: Exception | None) -> None:
        try:
            octets = self._octets(verdict, error, Stage.RCPT)
        except Exception:
            log.exception("cannot decide at RCPT%s", queue_of(self.macros))
            octets = self._octets(DEFER_INTERNAL, None, Stage.RCPT)
        self.answers.append(octets)
        self._telemetry.stage_ended(Stage.RCPT)

    def _octets(self, verdict: Verdict | None, error: Exception | None, stage: Stage) -> bytes:
        if verdict is None:
            raise error or ValueError("no verdict")
        if verdict.reason is Reason.INTERNAL:
            self._telemetry.internal_error(stage)
        return answer(verdict)

    def data(self) -> None:
        """Accept a message at DATA where that is wanted, and nothing of it is needed. Nothing more comes of it."""
        if self._hooks.accepts_early() and self._ends_at_data():
            self.answers.append(ACCEPT)
            self.is_over = True
        else:
            self.answers.append(CONTINUE)

    def _ends_at_data(self) -> bool:
        conversation = self.begin()
        self._telemetry.stage_started()
        self.is_unread = False
        try:
            if conversation.data():
                return False
            conversation.done()
        except Exception:
            log.exception("cannot decide at DATA%s", queue_of(self.macros))
            conversation.mark_broken()
            return False
        self.in_message = False
        self._telemetry.stage_ended(Stage.EOM)
        return True

    def header(self, name: bytes, value: bytes) -> None:
        """Take a header field. A name that is not UTF-8 defers the message: no MTA sends one."""
        conversation = self._conversation or self.begin()
        try:
            if self.is_unread is None:
                self.is_unread = bool(self.chosen & Step.SILENT_HEADER) and not conversation.data()
            conversation.header(name.decode(), text(value))
        except UnicodeDecodeError:
            if not self._waits(conversation, Step.SILENT_HEADER):
                self.answers.append(TEMPFAIL)
            return
        except Exception:
            log.exception("cannot read a header field%s", queue_of(self.macros))
            conversation.mark_broken()
        if not self.chosen & Step.SILENT_HEADER:
            self.answers.append(CONTINUE)

    def body(self, chunk: bytes) -> None:
        """Take a piece of the body. One that fails is answered at once, or at the end if it has no answer."""
        conversation = self._conversation or self.begin()
        try:
            wanted = conversation.body(chunk)
        except Exception:
            log.exception("cannot read the body%s", queue_of(self.macros))
            if not self._waits(conversation, Step.SILENT_BODY):
                self.answers.append(self._octets(DEFER_INTERNAL, None, Stage.EOM))
            return
        if not wanted and self.chosen & Step.SKIP:
            self.answers.append(SKIP)
        else:
            self.go_on(unless=Step.SILENT_BODY)

    def _waits(self, conversation: Conversation, silent: int) -> bool:
        """Whether a failed step without an answer leaves the deferral to the message's end; else it ends it."""
        if self.chosen & silent:
            conversation.mark_broken()
            return True
        self.is_over = True
        return False

    def end_of_message(self, last: bytes) -> None:
        """Answer the end of a message. ``last``: a piece of the body that came with it."""
        conversation = self._conversation or self.begin()
        self._started = self._telemetry.stage_started()
        try:
            if last:
                conversation.body(last)
            outcome = conversation.end_of_message(self.macros.text(b"i") or "")
        except Exception as error:  # noqa: BLE001 # logged and answered there
            self._fail(conversation, error)
        else:
            self._go_on_with(outcome, self._after_end)

    def _after_end(self, verdict: Verdict | None, error: Exception | None) -> None:
        """Answer the end of a message. What the MTA does not wait for any more is released."""
        conversation = self.begin()
        try:
            octets = self._octets(verdict, error, Stage.EOM)
            if isinstance(verdict, _EDITING) and (verdict.edits or isinstance(verdict, Park)):
                tell_of_kept(verdict.edits)
                if self._is_gone():
                    raise ConnectionAbortedError("the MTA hung up before it had the answer")
            conversation.done()
        except Exception as failure:  # noqa: BLE001 # logged and answered there
            self._fail(conversation, failure)
            return
        self._end(octets)

    def _fail(self, conversation: Conversation, error: Exception) -> None:
        """Release what was claimed: the message is deferred, and the client's retry is a new one."""
        log.error("cannot decide at end of message%s", queue_of(self.macros), exc_info=error)
        self._go_on_with(conversation.failed(), self._after_failure)

    def _after_failure(self, _outcome: None, error: Exception | None) -> None:
        if error is not None:
            log.error("cannot release a reply%s", queue_of(self.macros), exc_info=error)
        self._end(self._octets(DEFER_INTERNAL, None, Stage.EOM))

    def _end(self, octets: bytes) -> None:
        self.answers.append(octets)
        self.in_message = False
        self._telemetry.stage_ended(Stage.EOM)

    def abort(self) -> None:
        """Forget the message."""
        self.in_message = False
        conversation = self._conversation or self.begin()
        try:
            conversation.abort()
        except Exception:
            log.exception("cannot abort a message%s", queue_of(self.macros))

    def _go_on_with(self, outcome: Any, then: Then) -> None:
        """Have ``then`` take an outcome, at once or, of one that is ``Pending``, when it is there."""
        if not isinstance(outcome, Pending):
            then(outcome, None)
            return
        question = Question(outcome, then, self._started)
        if question.go_on():
            self.question = question

    def answered(self, answer: Any, failure: Exception | None) -> None:
        """Take the store's answer to the open question; afterwards another one may be open."""
        question, self.question = self.question, None
        if question is not None:
            self._started = question.started
            self._telemetry.stage_resumed(question.started)
            if question.go_on(answer, failure):
                self.question = question
