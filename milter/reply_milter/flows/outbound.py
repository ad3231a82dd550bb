"""One SMTP client that hands in notifications: who may have a reply address minted, and what becomes of the message.

The danger is mail from elsewhere that is handed in here once more, by a content filter or a forwarding: it must never
get a token. So the field counts only from a client that has authenticated or is trusted, in a message without a
``Received`` field; from everyone else it is taken off, and the message goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from reply_milter.core import headers
from reply_milter.core.mint import MintError
from reply_milter.core.notification import Outgoing, Prepared, bindable, prepare
from reply_milter.core.verdict import Accept, Reason, Reject, Reply, Verdict
from reply_milter.flows.service import MintingService
from reply_milter.ports import Minting, Notification

_SEVERAL = "a message with a reply address goes to one recipient: send it to each by itself"


@dataclass(slots=True)
class _Message:
    """Everything that lives as long as one message. Replaced, never cleared."""

    service: MintingService
    authenticated: bool
    recipients: dict[str, str] = field(default_factory=dict)  # by the client's spelling: as it can be bound
    fields: dict[str, list[str]] = field(default_factory=dict)
    broken: bool = False
    outcome: Notification | None = None


class Submission:
    """One SMTP client. The service is looked up at MAIL: a reload never changes the rules within a message."""

    def __init__(self, service: Callable[[], MintingService], client: str) -> None:
        self._service = service
        self._client = client
        self._message: _Message | None = None

    def mail(self, _sender: str, authenticated: bool) -> None:
        """See ``ports.Conversation``."""
        self._message = _Message(self._service(), authenticated)

    def rcpt(self, argument: str, resolved: str | None, _over_smtp: bool, _queue_id: str = "") -> Verdict:
        """See ``ports.Conversation``. Never refuses: only the header tells whether the recipient matters to us."""
        if self._message is None:
            self._message = _Message(self._service(), authenticated=False)
        self._message.recipients[argument.strip().casefold()] = bindable(argument.strip(), resolved)
        return Accept()

    def header(self, name: str, value: str) -> None:
        """See ``ports.Conversation``."""
        known = name.strip().lower()
        if self._message is not None and known in headers.READ_OUTBOUND:
            self._message.fields.setdefault(known, []).append(value)

    def body(self, _chunk: bytes) -> bool:
        """See ``ports.Conversation``. Nothing in a body concerns us."""
        return False

    def mark_broken(self) -> None:
        """See ``ports.Conversation``."""
        if self._message is not None:
            self._message.broken = True

    def end_of_message(self, queue_id: str) -> Verdict:
        """See ``ports.Conversation``."""
        message = self._message
        if message is None:
            return Accept()
        if message.broken:
            raise RuntimeError("a step of this message failed before its end")
        if headers.MINT.lower() not in message.fields:
            return Accept()
        if len(message.fields[headers.MINT.lower()]) > headers.FIELDS_LIMIT:  # an MTA takes minutes to take them off
            return _refuse(
                message, queue_id, Reply("550", "5.6.0", f"{headers.MINT}: the field stands there too often")
            )
        objection = self._objection(message)
        if objection:
            message.outcome = Notification(Minting.IGNORED, queue_id=queue_id, problem=objection)
            return Accept(edits=headers.strip(headers.MINT, len(message.fields[headers.MINT.lower()])))
        return _mint(message, queue_id)

    def done(self) -> None:
        """See ``ports.Conversation``."""
        message, self._message = self._message, None
        if message is not None and message.outcome is not None:
            message.service.telemetry.notification(message.outcome)

    def failed(self) -> None:
        """See ``ports.Conversation``. Nothing was written, so nothing is to be undone."""
        self._message = None

    def abort(self) -> None:
        """See ``ports.Conversation``."""
        self._message = None

    def _objection(self, message: _Message) -> str:
        """Why this client may not ask for an address; empty if it may."""
        if not message.authenticated and not message.service.rules.is_trusted(self._client):
            return "the client has not authenticated and is not in sign.trusted"
        if "received" in message.fields:
            return "the message has a Received field: it comes from elsewhere"
        return ""


def _mint(message: _Message, queue_id: str) -> Verdict:
    service = message.service
    if len(message.recipients) != 1:
        return _refuse(message, queue_id, Reply("550", "5.5.3", f"{headers.MINT}: {_SEVERAL}"))
    (recipient,) = message.recipients.values()
    outgoing = Outgoing(message.fields, recipient, queue_id, service.clock.now(), service.unique())
    rules = service.rules
    try:
        prepared = prepare(outgoing, rules.handlers, rules.keyring, rules.form)
    except MintError as error:
        return _refuse(message, queue_id, Reply("550", "5.6.0", f"{headers.MINT}: {error}"))
    message.outcome = Notification(Minting.MINTED, prepared.handler.name, _token_id(message, prepared), queue_id)
    return Accept(edits=prepared.edits)


def _token_id(message: _Message, prepared: Prepared) -> str:
    """Names the address in the log as the verifying side will."""
    rules, minted = message.service.rules, prepared.minted
    return rules.keyring.minting_key(minted.token.user).token_id(rules.form.glob(minted.address.rpartition("@")[0]))


def _refuse(message: _Message, queue_id: str, reply: Reply) -> Reject:
    """A notification with a wrong reply address, or none, must not leave: its application is told at once."""
    message.outcome = Notification(Minting.REFUSED, queue_id=queue_id, problem=reply.text)
    return Reject(Reason.MALFORMED, reply)
