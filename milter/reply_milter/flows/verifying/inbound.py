"""One SMTP connection, verified: the order of steps, and what is remembered between them.

Two lifetimes, two objects: MAIL replaces the transaction whole, nothing is cleared field by field, and so nothing of
one message reaches the next. The service is looked up at MAIL: a reload never changes the rules within a message. Keys
and handlers alone are looked at again at its end: what a reload has taken away opens nothing any more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from reply_milter.core.encoding.tlv import octets
from reply_milter.core.mail import headers
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.rules.message import Message
from reply_milter.core.token.address import Misspelt, Ordinary, classify
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.verdict import MISSPELT, Accept, Action, Reason, Verdict, refusal, reply_for
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.judgement import Judgement, judge
from reply_milter.flows.verifying.observed import observed
from reply_milter.flows.verifying.postponed import Postponed, drop, refuse
from reply_milter.flows.verifying.recipient import ReplyRecipient, assess
from reply_milter.ports import NO_LOGIN, Decision, Login, StoreUnavailableError

_REFUSED_AT_RCPT = (Action.REJECT, Action.DEFER)
_GO_ON = Accept()  # none of our business


@dataclass(slots=True)
class Transaction:
    """Everything that lives as long as one message. Replaced, never cleared."""

    service: Service
    null_sender: bool
    sender: str = ""  # the argument of MAIL FROM
    reply: ReplyRecipient | None = None  # whom enforce takes
    others: bool = False
    postponed: list[Postponed] = field(default_factory=list)
    let_in: list[Postponed] = field(default_factory=list)  # in observe mode, what enforce refuses at RCPT
    fields: dict[str, list[str]] = field(default_factory=dict)
    field_count: int = 0
    field_octets: int = 0
    longest_name: int = 0
    body: BodyDigest | None = None  # from the first reply recipient on that is not refused
    body_octets: int = 0
    broken: bool = False
    judgement: Judgement | None = None

    @property
    def concerns_us(self) -> bool:
        """Whether there is anything to decide at end of message."""
        return self.reply is not None or bool(self.postponed or self.let_in)


class Connection:
    """One SMTP client. Methods carry the SMTP word; each returns what is to be answered."""

    def __init__(self, service: Callable[[], Service], client: str) -> None:
        self._service = service
        self._client = client
        self._transaction: Transaction | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether a message is on its way."""
        return self._transaction is not None

    def mail(self, sender: str, login: Login = NO_LOGIN) -> None:
        """MAIL FROM: the only start of a message. A login proves nothing about who answers a notification."""
        self._transaction = Transaction(self._service(), null_sender=sender.strip() in ("<>", ""), sender=sender)

    def abort(self) -> None:
        """RSET, or the client is gone: nothing was written, so nothing is to be undone."""
        self._transaction = None

    def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str = "") -> Verdict:
        """RCPT TO. ``resolved`` is ``{rcpt_addr}``; not ``over_smtp``, every refusal waits for end of message.

        A command out of order (RCPT without MAIL) is taken as the start of a message, and judged as strictly.
        """
        if self._transaction is None:
            self._transaction = Transaction(self._service(), null_sender=False)
        message = self._transaction
        address = classify(message.service.rules.form, argument, resolved)
        if isinstance(address, Ordinary):
            message.others = True
            return _GO_ON
        if isinstance(address, Misspelt):
            if address.disagreement:
                message.service.telemetry.address_disagreement()
            recipient = _without_token(message.service, Finding(Reason.MALFORMED, MISSPELT))
        elif message.reply is not None and message.reply.is_same(address):
            message.reply.arguments.append(argument)
            return Accept()
        elif message.reply is not None:
            not_alone = Finding(Reason.NOT_ALONE, reply_for(Reason.NOT_ALONE), fixed=Action.DEFER)
            recipient = _without_token(message.service, not_alone)
        else:
            recipient = assess(message.service, address, self._client)
        recipient.arguments.append(argument)
        return self._answer(message, recipient, over_smtp, queue_id)

    def header(self, name: str, value: str) -> None:
        """One header field, unfolded or not. Keeps what the rules read, within limits; can't answer."""
        message = self._transaction
        if message is None or message.body is None:
            return
        message.field_count += 1
        message.longest_name = max(message.longest_name, len(name))
        message.field_octets += len(name) + (len(value) if value.isascii() else len(octets(value))) + 4
        known = name.strip().lower()
        if known not in headers.READ:
            return
        within = message.field_count <= headers.FIELDS_LIMIT and message.field_octets <= headers.OCTETS_LIMIT
        if within:
            message.fields.setdefault(known, []).append(value)
        elif known == headers.VERDICT.lower() and len(message.fields.get(known, ())) <= headers.FIELDS_LIMIT:
            message.fields.setdefault(known, []).append("")  # it is to be taken off, but to say nothing

    def body(self, chunk: bytes) -> bool:
        """A piece of the body. False: the rest of it is not needed."""
        message = self._transaction
        if message is None or message.body is None:
            return False
        message.body_octets += len(chunk)
        message.body.feed(chunk)
        return True

    def mark_broken(self) -> None:
        """A step that can't answer failed: end of message will defer, instead of deciding on half a message."""
        if self._transaction is not None:
            self._transaction.broken = True

    def end_of_message(self, queue_id: str) -> Verdict:
        """The final dot. The verdict's edits are to be performed, then ``done`` or ``failed`` to be called."""
        message = self._transaction
        if message is None or not message.concerns_us:
            return _GO_ON
        if message.broken:
            raise RuntimeError("a step of this message failed before its end")
        if message.service.rules.policy.observe:
            return self._observe(message, queue_id)
        if message.postponed and not message.others:
            return refuse(message.service, message.postponed[0], queue_id)
        refused = [late for late in message.postponed if late.recipient is not message.reply]
        removals = drop(message.service, refused, queue_id)
        if message.reply is None:
            return Accept(edits=removals)
        message.judgement = judge(message.service, self._arrival(message, message.reply, queue_id))
        verdict = message.judgement.verdict
        if removals and isinstance(verdict, Accept):
            return Accept(verdict.reason, (*verdict.edits, *removals))
        return verdict

    def done(self) -> None:
        """The edits were made and the answer is about to go to the MTA: count it, and settle the claim."""
        message, self._transaction = self._transaction, None
        if message is None or message.judgement is None:
            return
        judged, service = message.judgement, message.service
        service.telemetry.message(judged.decision)
        if judged.taken and message.reply is not None and message.reply.checked is not None:
            service.telemetry.key_used(message.reply.checked.key.master_id, service.clock.now())
        stripped = sum(isinstance(edit, headers.Delete) for edit in _edits_of(judged.verdict))
        if stripped:
            service.telemetry.headers_stripped(stripped)
        if judged.claim is not None and judged.reserved:
            if judged.age is not None:
                service.telemetry.token_age(judged.age)
            # A hook leaves alone what says `would`, be it parked: in enforce it would have committed that.
            if service.commits is not None and (judged.decision.would or not service.rules.hook_commits):
                service.commits.enqueue(judged.claim.id)

    def failed(self) -> None:
        """The answer could not be given: what was reserved for it is released, so that a retry finds nothing."""
        message, self._transaction = self._transaction, None
        judged = message.judgement if message is not None else None
        if message is None or judged is None or judged.claim is None or not judged.reserved:
            return
        try:
            message.service.store.release(judged.claim)
        except StoreUnavailableError:
            return  # a reservation that stays lets the client's retry in, all the same

    def _answer(self, message: Transaction, recipient: ReplyRecipient, over_smtp: bool, queue_id: str) -> Verdict:
        """Refuse now, later, or not at all."""
        finding, action = recipient.policy.decide(recipient.findings)
        service = message.service
        may_be_sealed = recipient.checked is not None and service.rules.is_peer(self._client)
        refused = finding is not None and action in _REFUSED_AT_RCPT and not may_be_sealed
        observed = refused and recipient.policy.observe
        reason = finding.reason if finding else Reason.OK
        decision = Decision(
            stage="rcpt",
            verdict=action if refused and not observed else "accept",
            reason=reason,
            would=action if observed else "",
            handler=recipient.handler_name,
            token_id=recipient.token_id,
            queue_id=queue_id,
            because=(finding and finding.because) or "",
            client=self._client,
        )
        service.telemetry.recipient(decision)
        if finding is None or not refused:
            message.reply = recipient
            message.body = message.body or BodyDigest()
            return Accept(reason)
        if over_smtp and not observed:
            return refusal(action, reason, finding.reply)
        (message.let_in if over_smtp else message.postponed).append(Postponed(recipient, finding, action))
        if observed or reason is Reason.STORE_UNAVAILABLE:
            message.body = message.body or BodyDigest()
        if not over_smtp and reason is Reason.STORE_UNAVAILABLE:  # if others get it, too, it is taken all the same
            message.reply = recipient
        return Accept(reason)

    def _observe(self, message: Transaction, queue_id: str) -> Verdict:
        """Observe mode: judged as enforce would, and told instead of done."""
        recipient, reported_finding = observed(message.reply, message.postponed, message.let_in, message.others)
        message.judgement = judge(message.service, self._arrival(message, recipient, queue_id), reported_finding)
        return message.judgement.verdict

    def _arrival(self, message: Transaction, recipient: ReplyRecipient, queue_id: str) -> Arrival:
        size = message.field_octets + 2 + message.body_octets
        counted = (message.field_count, message.field_octets, size, message.longest_name)
        read = Message.read(message.null_sender, message.fields, *counted, sender=message.sender)
        rules = message.service.rules
        parkable = rules.parks_in_hook or not message.others
        from_peer = rules.is_peer(self._client)
        body = message.body or BodyDigest()
        current = self._service().rules
        return Arrival(recipient, read, body, queue_id, message.others, parkable, from_peer, current)


def _without_token(service: Service, finding: Finding) -> ReplyRecipient:
    return ReplyRecipient(domain="", local="", policy=service.rules.policy, findings=[finding])


def _edits_of(verdict: Verdict) -> tuple[headers.Edit, ...]:
    return getattr(verdict, "edits", ())
