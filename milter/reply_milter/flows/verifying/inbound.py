"""One SMTP client, verified: the order of steps, and what is remembered between them.

Two lifetimes, two objects: MAIL replaces the transaction whole, and nothing is cleared field by field, so nothing of
one message reaches the next. The service is looked up at MAIL: a reload never changes the rules within a message. Only
keys and handlers are looked up again at its end: what a reload has removed no longer opens anything.

A message is in one of these states (``transaction``), or there is none (Idle):

    Ordinary    no reply recipient stays in the message; header and body are dropped unread
    Replying    one reply recipient is taken; header and body are kept, within limits
    Refusing    the MTA accepted reply recipients, but all of them are refused at the end; header and body are kept
    Broken      a step failed that mattered: the message is deferred
    Answered    its end was decided; the edits are being made

    event                                   from                  to                          the MTA hears
    --------------------------------------  --------------------  --------------------------  -----------------------
    MAIL                                    any                   Ordinary                    nothing
    RCPT without MAIL                       Idle                  as after MAIL               as below
    RCPT, not ours                          any but Broken        the same                    continue
    RCPT, the address that is taken         Replying              the same                    continue
    RCPT, another reply address             Replying              refused: NOT_ALONE          as the next three
    RCPT, judged at the end                 Ordinary, Refusing    Replying                    continue
    RCPT, refused by SMTP, enforce          any but Broken        the same                    4xx or 5xx
    RCPT, refused by SMTP, observe;         Ordinary, Refusing    Refusing                    continue
      or refused in a local submission      Replying              Replying                    continue
    RCPT, local, store unavailable          Ordinary, Refusing    Replying, and refused       continue
    RCPT                                    Broken                Broken                      451 (internal)
    DATA, accept_early                      Ordinary, with a      Idle                        accept
                                              recipient
    DATA                                    any other             the same                    continue
    header, body                            Replying, Refusing    the same, with more content nothing
    header, body                            any other             the same                    body: skip the rest
    a header field failed                   Replying, Refusing    Broken                      nothing
    MAIL failed                             Idle                  Broken                      nothing
    end of message                          Idle, Ordinary        the same                    continue
    end of message, enforce                 Replying, Refusing    Answered                    what ``answering`` decides
    end of message, observe                 Replying, Refusing    Answered                    continue, with our header
    end of message                          Broken                Broken                      451 (internal)
    done (answer given), failed, abort      any                   Idle                        nothing

A step that raises is the adapter's to catch: the MTA hears 451. ``failed`` after Answered releases what was claimed.

Nothing here waits. Where an answer needs the store, its steps yield what they ask (``ports.asking``): ``flows.driving``
asks a store that blocks, a loop asks for many connections at once.
"""

from collections.abc import Callable
from typing import Final

from reply_milter.core.token.address import Misspelt, Ordinary, Recipient, ReplyAddress, classify
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import MISSPELT, Reason, reply_for
from reply_milter.core.verdict.verdict import Accept, Verdict
from reply_milter.core.wrapping.native import Direct, find_direct, verification_of
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.answering import answer_message, answer_recipient, as_observed
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.direct import assess_direct
from reply_milter.flows.verifying.native import assess_native
from reply_milter.flows.verifying.recipient import Assessed, ReplyRecipient, assess, decide, is_native_of, without_token
from reply_milter.flows.verifying.settling import release, report
from reply_milter.flows.verifying.transaction import (
    WITH_CONTENT,
    Answered,
    Broken,
    Refusing,
    Replying,
    Transaction,
    with_beside,
    with_recipient,
)
from reply_milter.ports import DEFER_INTERNAL, NO_LOGIN, Asking, Login, Pending

_CONTINUE: Final = Accept()


class Connection:
    """One SMTP client. Methods have the names of SMTP's steps; see ``ports.Conversation``.

    ``source``: the header field that stands for RCPT TO, in lower case, for a message out of a mailbox; else empty.
    """

    def __init__(self, service: Callable[[], Service], client: str, source: str = "") -> None:
        self._service = service
        self._client = client
        self._source = source
        self._transaction: Transaction | Broken | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether a message is on its way."""
        return self._transaction is not None

    def mail(self, sender: str, login: Login = NO_LOGIN) -> None:
        """Begin a message. A login proves nothing about who answers a notification."""
        self._transaction = Transaction(self._service(), sender.strip() or "<>")

    def abort(self) -> None:
        """Forget the message. Nothing was written, so there is nothing to undo."""
        self._transaction = None

    def rcpt(
        self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str = ""
    ) -> Verdict | Pending[Verdict]:
        """Answer RCPT TO. A command out of order (RCPT without MAIL) begins a message, and is judged as strictly."""
        if self._transaction is None:
            self._transaction = Transaction(self._service())
        message = self._transaction
        if isinstance(message, Broken):
            return DEFER_INTERNAL
        address = self._classify(message, argument, resolved)
        if isinstance(address, Ordinary):
            message.has_other_recipients = True
            return _CONTINUE
        taken = message.taken
        if taken is not None and taken.is_same(address):
            taken.arguments.append(argument)
            return _CONTINUE
        found = self._assess(message, address)
        if isinstance(found, ReplyRecipient):
            return self._decided(message, found, argument, over_smtp, queue_id)
        return Pending(self._assessed(message, found, argument, over_smtp, queue_id), message.service.store)

    def _assessed(
        self, message: Transaction, assessing: Asking[ReplyRecipient], argument: str, over_smtp: bool, queue_id: str
    ) -> Asking[Verdict]:
        found = yield from assessing
        return self._decided(message, _alone(message, found), argument, over_smtp, queue_id)

    def _decided(
        self, message: Transaction, recipient: ReplyRecipient, argument: str, over_smtp: bool, queue_id: str
    ) -> Verdict:
        taken = message.taken
        recipient.arguments.append(argument)
        if taken is not None and is_native_of(recipient, taken):
            message.state = with_beside(message.state, recipient)
            return _CONTINUE
        may_be_sealed = recipient.checked is not None and message.service.rules.is_peer(self._client)
        decided = decide(recipient, may_be_sealed, over_smtp)
        verdict = answer_recipient(message.service, decided, self._client, queue_id)
        if isinstance(verdict, Accept):
            message.state = with_recipient(message.state, as_observed(decided))
        return verdict

    def data(self) -> bool:
        """Whether the message concerns us. A message without a recipient does: the MTA may know more than it told."""
        message = self._transaction
        return (
            not isinstance(message, Transaction)
            or isinstance(message.state, WITH_CONTENT)
            or not message.has_other_recipients
        )

    def header(self, name: str, value: str) -> None:
        """Keep of a header field what the rules read."""
        message = self._transaction
        if isinstance(message, Transaction) and isinstance(message.state, WITH_CONTENT):
            message.state.content.add_field(name, value)

    def body(self, chunk: bytes) -> bool:
        """Take a piece of the body. False: the rest of it is not needed."""
        message = self._transaction
        if not isinstance(message, Transaction) or not isinstance(message.state, WITH_CONTENT):
            return False
        message.state.content.add_body(chunk)
        return True

    def mark_broken(self) -> None:
        """Have the message deferred, unless it is an ordinary one: what failed could not matter to it."""
        message = self._transaction
        if message is None or (isinstance(message, Transaction) and isinstance(message.state, WITH_CONTENT)):
            self._transaction = Broken()

    def end_of_message(self, queue_id: str) -> Verdict | Pending[Verdict]:
        """Answer the final dot. The caller performs the verdict's edits, then calls ``done`` or ``failed``."""
        message = self._transaction
        if isinstance(message, Broken):
            return DEFER_INTERNAL
        if message is None or not isinstance(message.state, WITH_CONTENT):
            return _CONTINUE
        return Pending(self._end(message, message.state, queue_id), message.service.store)

    def _end(self, message: Transaction, state: Replying | Refusing, queue_id: str) -> Asking[Verdict]:
        answer = yield from answer_message(message.service, state, self._arrival(message, state, queue_id))
        message.state = Answered(answer)
        return answer.verdict

    def done(self) -> None:
        """The edits were made and the answer is about to go to the MTA: count it, and have the claim committed."""
        message, self._transaction = self._transaction, None
        if isinstance(message, Transaction) and isinstance(message.state, Answered):
            report(message.service, message.state.answer)

    def failed(self) -> Pending[None] | None:
        """The answer could not be given: release what was claimed for it, so that a retry is the first again."""
        message, self._transaction = self._transaction, None
        if not isinstance(message, Transaction) or not isinstance(message.state, Answered):
            return None
        reserved = message.state.answer.reserved
        return Pending(release(reserved), message.service.store) if reserved is not None else None

    def _classify(self, message: Transaction, argument: str, resolved: str | None) -> Recipient | Direct:
        rules = message.service.rules
        address = classify(rules.form, argument, resolved)
        if not isinstance(address, Ordinary) or not rules.handlers.wrapped:
            return address
        return find_direct(rules.handlers.wrapped, argument, resolved, message.sender == "<>") or address

    def _assess(self, message: Transaction, address: ReplyAddress | Misspelt | Direct) -> Assessed:
        service, taken = message.service, message.taken
        if isinstance(address, Misspelt):
            if address.disagreement:
                service.telemetry.address_disagreement()
            return without_token(service, Finding(Reason.MALFORMED, MISSPELT))
        if isinstance(address, ReplyAddress):
            if taken is not None and taken.direct is None:
                return _not_alone(service)
            found = assess(service, address, self._client)
        else:
            how = verification_of(address)
            found = assess_native(service, address, how, self._client) if how else assess_direct(service, address)
        return _alone(message, found) if isinstance(found, ReplyRecipient) else found

    def _arrival(self, message: Transaction, state: Replying | Refusing, queue_id: str) -> Arrival:
        rules = message.service.rules
        return Arrival(
            recipient=state.taken if isinstance(state, Replying) else state.refused[0].recipient,
            message=state.content.message(message.sender),
            body=state.content.body,
            queue_id=queue_id,
            has_other_recipients=message.has_other_recipients,
            parkable=rules.parks_in_hook or not message.has_other_recipients,
            from_peer=rules.is_peer(self._client),
            current=self._service().rules,
            room=message.service.parking_room,
            source=self._source,
        )


def _alone(message: Transaction, found: ReplyRecipient) -> ReplyRecipient:
    """Let ``found`` stand beside the recipient that is taken only if both are of one wrapped application."""
    taken = message.taken
    if taken is None or is_native_of(found, taken) or is_native_of(taken, found):
        return found
    return _not_alone(message.service)


def _not_alone(service: Service) -> ReplyRecipient:
    return without_token(service, Finding(Reason.NOT_ALONE, reply_for(Reason.NOT_ALONE), fixed=Action.DEFER))
