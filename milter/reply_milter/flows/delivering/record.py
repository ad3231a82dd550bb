"""Record what became of a delivery: its progress, its log line, its dead letter, and the commit of its claim.

``handing_over``, ``parking`` and ``delivery`` call these functions; nothing here calls them back.
"""

from reply_milter.core.delivery.dead_letter import DeadLetter, identify
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable
from reply_milter.flows.delivering.service import HookService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.delivery import Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport

KEPT_SECONDS = 7 * 86400  # after the token's end, as long as the store remembers a reply


def put_on_record(service: HookService, sealed: SealedReply, progress: Progress) -> None:
    """Put the progress of a reply on record, durably."""
    now = service.clock.now()
    service.ledger.put(sealed.id, progress, now, max(now, sealed.expires) + KEPT_SECONDS)


def commit(service: HookService, sealed: SealedReply) -> Done | Later:
    """Commit the claim of a reply in the store. Later: no answer; the MTA retries, and only the commit is repeated."""
    if service.store is not None:
        try:
            service.store.commit(sealed.id)
        except StoreUnavailableError:
            return Later("the store gave no answer")
    return Done()


def report(service: HookService, outcome: DeliveryEvent, sealed: SealedReply, reason: str = "", why: str = "") -> None:
    """Count and log what became of a reply."""
    about = (sealed.handler, sealed.id, sealed.queue, reason, why, sealed.road)
    service.telemetry.delivery(DeliveryReport(outcome, *about))


def defer(service: HookService, sealed: SealedReply, envelope: Envelope, why: str, first_tried: int) -> Never | Later:
    """Leave a reply with the MTA. After ``give_up_seconds`` it becomes a dead letter, before the MTA returns it.

    ``first_tried``: Unix seconds.

    Raises:
        OSError: the dead letter can't be written.
    """
    if service.clock.now() - first_tried >= service.rules.give_up_seconds:
        return keep_dead_letter(service, sealed, envelope, Undeliverable.GAVE_UP, why)
    report(service, DeliveryEvent.DEFERRED, sealed, why=why)
    return Later(why)


def keep_dead_letter(
    service: HookService, sealed: SealedReply, envelope: Envelope, reason: Undeliverable, detail: str
) -> Never | Later:
    """Keep a reply that can't be delivered, then commit its claim: its sender hears "already received" on a retry.

    Raises:
        OSError: the dead letter can't be written.
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


def keep_unverified(service: HookService, envelope: Envelope, reason: Undeliverable) -> Never:
    """Keep a message without a good seal as a dead letter. Its header is not trusted: no handler, no user, no commit.

    Raises:
        OSError: the dead letter can't be written.
    """
    letter = DeadLetter(
        id=identify(envelope.message),
        reason=reason,
        detail="",
        handler="",
        user=None,
        sender=envelope.sender,
        recipient=envelope.recipient,
        since=service.clock.now(),
    )
    service.dead_letters.keep(letter, envelope.message)
    service.telemetry.delivery(DeliveryReport(DeliveryEvent.DEAD_LETTER, id=letter.id, reason=reason))
    return Never(reason.value)
