"""Hand one opened reply to its handler, and record the outcome: hand over, put on record, commit.

A handler gets a reply twice only if the process dies after the handler took it, and before that is on record.
"""

from dataclasses import replace

from reply_milter.core.delivery.confirmation import one_line
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.redaction import read_redacted, redact_message
from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable
from reply_milter.core.wrapping.restore import Unrestorable
from reply_milter.flows.delivering.record import commit, defer, keep_dead_letter, put_on_record, report
from reply_milter.flows.delivering.restoring import given_back
from reply_milter.flows.delivering.service import HookService
from reply_milter.ports.delivery import Deliverer, Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent


def hand_over(service: HookService, sealed: SealedReply, envelope: Envelope) -> DeliveryOutcome:
    """Hand a reply over, bring its record up to date, and commit. Never: it is a dead letter now.

    One that its handler took before is only committed. The caller holds the reply in the ledger.

    Raises:
        OSError: it became a dead letter, and that can't be written.
    """
    if service.ledger.entry(sealed.id).progress is Progress.DONE:
        return commit(service, sealed)
    put_on_record(service, sealed, Progress.TRIED)
    deliverer = service.deliverers.get(sealed.handler)
    if deliverer is None:
        known = service.rules.handlers.named(sealed.handler) is not None
        reason = Undeliverable.NO_DESTINATION if known else Undeliverable.UNKNOWN_HANDLER
        return keep_dead_letter(service, sealed, envelope, reason, "")
    match _process(service, deliverer, sealed, envelope):
        case Done():
            put_on_record(service, sealed, Progress.DONE)
            report(service, DeliveryEvent.DELIVERED, sealed)
            return commit(service, sealed)
        case Never(why):
            return keep_dead_letter(service, sealed, envelope, Undeliverable.REFUSED, why)
        case Unrestorable(why):
            return keep_dead_letter(service, sealed, envelope, Undeliverable.UNRESTORABLE, why)
        case Later(why):
            return defer(service, sealed, envelope, why, service.ledger.entry(sealed.id).first_tried)


def _process(
    service: HookService, deliverer: Deliverer, sealed: SealedReply, envelope: Envelope
) -> DeliveryOutcome | Unrestorable:
    """Read the message, restored where its address was wrapped, and call the handler. An exception is Later."""
    rules = service.rules
    try:
        given = given_back(service, sealed, envelope)
        if isinstance(given, Unrestorable):
            return given
        read = read_redacted(given.message, rules.form, rules.marker, rules.limits)
        return _sound(deliverer.process(Reply(sealed, read, _handed_on(service, sealed, given))))
    except (Exception, SystemExit) as error:  # noqa: BLE001 # logged with its traceback
        service.telemetry.internal_error()
        return Later(f"the handler failed: {type(error).__name__}")


def _sound(handed: object) -> DeliveryOutcome:
    """Check what a handler returned. None is Done; other values than an outcome raise TypeError, also false ones."""
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
    """Return the message as the handler gets it: without reply addresses, if its destination says ``redact``."""
    handler = service.rules.handlers.named(sealed.handler)
    if handler is None or handler.destination is None or not handler.destination.redact:
        return envelope
    return replace(envelope, message=redact_message(envelope.message, service.rules.form))
