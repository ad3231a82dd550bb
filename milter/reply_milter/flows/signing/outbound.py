"""One SMTP client that submits notifications: whether a reply address is minted, and what becomes of the message.

Mail from elsewhere may be submitted here again, by a content filter or a forwarding. It must never get a token. So the
field counts only in a message without a trace of that, like a ``Received`` field; and only from an application that
proves who it is, or from a trusted client (``core/notification/application``). From any other client the field is
removed, and the message is accepted. Postfix must show us all such fields, so sign mode removes from all mail the
fields that Postfix then no longer removes itself (``headers.DROPPED``).
"""

from collections.abc import Callable
from dataclasses import replace

from reply_milter.core.mail import headers
from reply_milter.core.mail.domain import in_ascii_lower_case
from reply_milter.core.notification.application import Asker, Standing, stranger
from reply_milter.core.notification.mint_request import key_of, read
from reply_milter.core.notification.prepare import Outgoing, Prepared, bindable, prepare
from reply_milter.core.token.mint import MintError
from reply_milter.core.verdict.answer import SmtpReply
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Reject, Verdict
from reply_milter.core.wrapping.outward import SEVERAL
from reply_milter.flows.service import MintingService
from reply_milter.flows.signing import wrapping
from reply_milter.flows.signing.message import Message
from reply_milter.flows.signing.native import refuse_native
from reply_milter.ports import DEFER_INTERNAL, Login, Minting, Notification


class _Broken:
    """Stands in place of a message of which a step failed: what follows is deferred."""


class Submission:
    """One SMTP client. The service is looked up at MAIL: a reload never changes the rules within a message."""

    def __init__(self, service: Callable[[], MintingService], client: str) -> None:
        self._service = service
        self._client = client
        self._message: Message | _Broken | None = None

    def mail(self, sender: str, login: Login) -> None:
        """See ``ports.Conversation``."""
        service = self._service()
        wrapped = service.rules.wrapped_for(self._client, login.name)
        self._message = Message(service, login, sender.strip(), wrapped)

    def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str = "") -> Verdict:
        """See ``ports.Conversation``. Refuses an application's own address; of others, only the header decides.

        A local submission is never refused at RCPT: it would stay in maildrop. The hook keeps it out.
        """
        message = self._message
        if isinstance(message, _Broken):
            return DEFER_INTERNAL
        if message is None:
            message = self._message = Message(self._service())
        refused = refuse_native(message, argument, resolved, queue_id) if over_smtp else None
        if refused is not None:
            return refused
        message.recipients[in_ascii_lower_case(argument.strip())] = bindable(argument.strip(), resolved)
        return Accept()

    def data(self) -> bool:
        """See ``ports.Conversation``. Only the header shows whether a message asks for an address."""
        return True

    def header(self, name: str, value: str) -> None:
        """See ``ports.Conversation``."""
        message = self._message
        if not isinstance(message, Message):
            return
        message.take(name.strip(), value)

    def body(self, _chunk: bytes) -> bool:
        """See ``ports.Conversation``. Nothing in a body concerns us."""
        return False

    def mark_broken(self) -> None:
        """See ``ports.Conversation``. Any field may be the one that matters."""
        self._message = _Broken()

    def end_of_message(self, queue_id: str) -> Verdict:
        """See ``ports.Conversation``."""
        message = self._message
        if isinstance(message, _Broken):
            return DEFER_INTERNAL
        if message is None:
            return Accept()
        if message.flooded:
            often = SmtpReply("550", "5.6.0", f"{message.flooded}: the field occurs too often")
            return Reject(Reason.MALFORMED, _noted(message, queue_id, often))
        verdict = self._asked(message, queue_id) if message.requests else Accept()
        if message.wrapped and isinstance(verdict, Accept) and not message.has_minted:
            verdict = wrapping.wrap(message, queue_id, verdict)
        return replace(verdict, edits=verdict.edits + message.dropping) if isinstance(verdict, Accept) else verdict

    def done(self) -> None:
        """See ``ports.Conversation``."""
        message, self._message = self._message, None
        if isinstance(message, Message):
            message.report()

    def failed(self) -> None:
        """See ``ports.Conversation``. Nothing was written, so there is nothing to undo."""
        self._message = None

    def abort(self) -> None:
        """See ``ports.Conversation``."""
        self._message = None

    def _asked(self, message: Message, queue_id: str) -> Verdict:
        """Decide about a message that asks for an address."""
        elsewhere = _from_elsewhere(message)
        if elsewhere:
            return _ignore(message, queue_id, elsewhere)
        asker = Asker(self._client, message.login.name, key_of(message.requests), _handler(message))
        rules = message.service.rules
        admission = rules.admit(asker)
        match admission.standing:
            case Standing.STRANGER:
                who = stranger(asker, rules.sign.applications, rules.sign.trusted)
                return _ignore(message, queue_id, f"{admission.problem}: {who}", untrusted=True)
            case Standing.REFUSED:
                refusal = SmtpReply("550", "5.7.1", f"{headers.MINT}: {admission.problem}")
                return _refuse(message, queue_id, refusal, admission.application)
            case Standing.ADMITTED:
                return _mint(message, queue_id, admission.application)


def _from_elsewhere(message: Message) -> str:
    """Why the message cannot be the client's own; empty if it can."""
    if message.trace:
        return f"the message has a {message.trace} field: it comes from elsewhere"
    return "the sender is null: this is a report, not a notification" if message.null_sender else ""


def _handler(message: Message) -> str:
    """The handler that the request names; empty if it cannot be read."""
    try:
        return read(message.requests[0]).handler if len(message.requests) == 1 else ""
    except MintError:
        return ""


def _mint(message: Message, queue_id: str, application: str) -> Verdict:
    service = message.service
    if len(message.recipients) != 1:
        return _refuse(message, queue_id, SmtpReply("550", "5.5.3", f"{headers.MINT}: {SEVERAL}"), application)
    (recipient,) = message.recipients.values()
    outgoing = Outgoing(message.fields, recipient, queue_id, service.clock.now(), service.unique())
    rules = service.rules
    try:
        prepared = prepare(outgoing, rules.handlers, rules.keyring, rules.form)
    except MintError as error:
        return _refuse(message, queue_id, SmtpReply("550", "5.6.0", f"{headers.MINT}: {error}"), application)
    token_id = _token_id(message, prepared)
    message.outcomes = [
        Notification(Minting.MINTED, prepared.handler.name, token_id, queue_id, application=application)
    ]
    return Accept(edits=prepared.edits)


def _token_id(message: Message, prepared: Prepared) -> str:
    """The name of the address in the log, the same as in verify mode."""
    rules, minted = message.service.rules, prepared.minted
    return rules.keyring.minting_key(minted.token.user).token_id(
        rules.form.token_text(minted.address.rpartition("@")[0])
    )


def _ignore(message: Message, queue_id: str, problem: str, untrusted: bool = False) -> Accept:
    """Accept a message without minting; its request is removed. ``untrusted``: its client may not ask."""
    message.outcomes = [Notification(Minting.IGNORED, queue_id=queue_id, problem=problem, untrusted=untrusted)]
    return Accept(edits=message.stripping)


def _refuse(message: Message, queue_id: str, reply: SmtpReply, application: str) -> Reject:
    """Reject a notification, so that its application hears at once: it must not leave without a right reply address.

    The field is removed first: a local message is returned to its sender in a report, which must not show its key.
    """
    return Reject(Reason.MALFORMED, _noted(message, queue_id, reply, application), message.stripping)


def _noted(message: Message, queue_id: str, reply: SmtpReply, application: str = "") -> SmtpReply:
    message.outcomes = [Notification(Minting.REFUSED, queue_id=queue_id, problem=reply.text, application=application)]
    return reply
