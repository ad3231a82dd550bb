"""What becomes of a message that the MTA hands over: its seal is opened, a handler takes it, the claim is committed.

Nothing is answered 5xx, because the MTA would make a bounce of it, to a sender who may be forged. What can't be
delivered is kept as a dead letter; what can't be kept, or not now, is left with the MTA.
"""

from reply_milter.core.delivery.outcome import DeliveryOutcome, Later
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable, open_reply
from reply_milter.flows.delivering.handing_over import hand_over
from reply_milter.flows.delivering.parking import park, process_answer
from reply_milter.flows.delivering.record import KEPT_SECONDS, commit, keep_dead_letter, keep_unverified, report
from reply_milter.flows.delivering.service import HookService
from reply_milter.ports.delivery import Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent

_SETTLED = (Progress.DONE, Progress.DEAD)


def deliver(service: HookService, envelope: Envelope, retry: bool = False) -> DeliveryOutcome:
    """Take a message. Later: the MTA is to keep it; else it is ours now, in case of Never as a dead letter.

    ``retry``: an operator has a dead letter tried again.

    Raises:
        OSError: it can neither be delivered nor kept, as when a disk is full.
    """
    opened = open_reply(envelope.message, service.rules.seal_keys)
    if isinstance(opened, Undeliverable):
        return keep_unverified(service, envelope, opened)
    with service.ledger.hold(opened.id) as ours:
        if not ours:
            return Later("this reply is just being delivered")
        return _deliver(service, opened, envelope, retry)


def _deliver(service: HookService, sealed: SealedReply, envelope: Envelope, retry: bool) -> DeliveryOutcome:
    progress = service.ledger.entry(sealed.id).progress
    if progress in _SETTLED and not (retry and progress is Progress.DEAD):
        report(service, DeliveryEvent.REPEATED, sealed)
        return commit(service, sealed)
    if progress is Progress.NEW and service.clock.now() > sealed.expires + KEPT_SECONDS:
        return keep_dead_letter(service, sealed, envelope, Undeliverable.STALE, "")
    if sealed.parked:
        return park(service, sealed, envelope)
    if sealed.handler == service.rules.confirming.name:
        return process_answer(service, sealed, envelope)
    return hand_over(service, sealed, envelope)
