"""Handing one opened reply to whoever is to take it, and putting on record what came of it.

The order is: hand over, put on record, commit. Whoever dies in between finds on the next try how far it came; a handler
gets a reply twice only if we die right after it has taken it, and it knows the id then.
"""

from dataclasses import replace

from reply_milter.core import content
from reply_milter.core.delivery.confirmation import one_line
from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable
from reply_milter.flows.delivering.service import HookService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.delivery import Deliverer, Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport

KEPT_SECONDS = 7 * 86400  # after the token's end, as long as the store remembers a reply


def hand_over(service: HookService, sealed: SealedReply, envelope: Envelope) -> DeliveryOutcome:
    """Hand a reply over, and bring its record up to date. Never: it is a dead letter now, and settled as well.

    Whoever calls this holds the reply in the ledger.
    """
    put_on_record(service, sealed, Progress.TRIED)
    deliverer = service.deliverers.get(sealed.handler)
    if deliverer is None:
        known = service.rules.handlers.named(sealed.handler) is not None
        nobody = Undeliverable.NO_DESTINATION if known else Undeliverable.UNKNOWN_HANDLER
        return bury(service, sealed, envelope, nobody, "")
    match _process(service, deliverer, sealed, envelope):
        case Done():
            put_on_record(service, sealed, Progress.DONE)
            report(service, DeliveryEvent.DELIVERED, sealed)
            return commit(service, sealed)
        case Never(why):
            return bury(service, sealed, envelope, Undeliverable.REFUSED, why)
        case Later(why):
            return _later(service, sealed, envelope, why)


def bury(
    service: HookService, sealed: SealedReply, envelope: Envelope, reason: Undeliverable, detail: str
) -> Never | Later:
    """Keep a reply that can't be delivered. It was taken, all the same: its sender hears so if it comes again.

    Raises:
        OSError: it can't be kept.
    """
    letter = DeadLetter(
        id=sealed.id,
        reason=reason,
        detail=detail,
        handler=sealed.handler,
        user=sealed.user,
        sender=envelope.sender,
        recipient=envelope.recipient,
        since=service.clock.now(),
    )
    service.dead_letters.keep(letter, envelope.message)
    put_on_record(service, sealed, Progress.DEAD)
    report(service, DeliveryEvent.DEAD_LETTER, sealed, reason, detail)
    committed = commit(service, sealed)
    return committed if isinstance(committed, Later) else Never(f"{reason} {detail}".strip())


def commit(service: HookService, sealed: SealedReply) -> Done | Later:
    """Tell the store that the reply has arrived. Without an answer the MTA comes again, and we find it on record."""
    if service.store is not None:
        try:
            service.store.commit(sealed.id)
        except StoreUnavailableError:
            return Later("the store gave no answer")
    return Done()


def put_on_record(service: HookService, sealed: SealedReply, progress: Progress) -> None:
    """Note how far a reply came."""
    now = service.clock.now()
    service.ledger.put(sealed.id, progress, now, max(now, sealed.expires) + KEPT_SECONDS)


def report(service: HookService, outcome: DeliveryEvent, sealed: SealedReply, reason: str = "", why: str = "") -> None:
    """Count and log what became of a reply."""
    service.telemetry.delivery(DeliveryReport(outcome, sealed.handler, sealed.id, sealed.queue, reason, why))


def _process(service: HookService, deliverer: Deliverer, sealed: SealedReply, envelope: Envelope) -> DeliveryOutcome:
    """A handler's accident, or ours in reading a message, costs another try, and never the message."""
    rules = service.rules
    try:
        read = content.read(envelope.message, rules.form, rules.marker, rules.limits)
        return _sound(deliverer.process(Reply(sealed, read, _handed_on(service, sealed, envelope))))
    except (Exception, SystemExit) as error:  # noqa: BLE001 # it is logged, traceback and all
        service.telemetry.internal_error()
        return Later(f"the handler failed: {type(error).__name__}")


def _sound(handed: object) -> DeliveryOutcome:
    """What a handler returned, if it is an answer: only None stands for Done, and not what is merely false."""
    match handed:
        case None | Done():
            return Done()
        case Later(str(why)):
            return Later(one_line(why))
        case Never(str(why)):
            return Never(one_line(why))
        case _:
            raise TypeError("a handler returns Done(), Later(why), Never(why) or None")


def _handed_on(service: HookService, sealed: SealedReply, envelope: Envelope) -> Envelope:
    """The message as the handler is to get it, where it gets that."""
    handler = service.rules.handlers.named(sealed.handler)
    if handler is None or handler.destination is None or not handler.destination.redact:
        return envelope
    return replace(envelope, message=content.redact_message(envelope.message, service.rules.form))


def _later(service: HookService, sealed: SealedReply, envelope: Envelope, why: str) -> Never | Later:
    """Leave it with the MTA; before that would give it back to its sender, it becomes a dead letter."""
    waited = service.clock.now() - service.ledger.entry(sealed.id).first_tried
    if waited >= service.rules.give_up_seconds:
        return bury(service, sealed, envelope, Undeliverable.GAVE_UP, why)
    report(service, DeliveryEvent.DEFERRED, sealed, why=why)
    return Later(why)
