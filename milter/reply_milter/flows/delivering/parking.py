"""Park replies until the user on file confirms them: keep, ask, release after a yes, discard after a no or by time.

Only a reply with a good checksum is parked, so a stranger can't make the hook send questions to addresses of their
choice. An answer decides about what its question lists, and about nothing else.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reply_milter.core.delivery.confirmation import one_line
from reply_milter.core.delivery.consent import Answer, read_answer
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.parked import AskedQuestion, ParkedReply
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.mail.domain import normalise
from reply_milter.core.redaction import read_redacted
from reply_milter.core.seal.sealed_reply import SealedReply
from reply_milter.flows.delivering.asking import DAY, ask, users_to_ask
from reply_milter.flows.delivering.handing_over import hand_over
from reply_milter.flows.delivering.record import commit, defer, put_on_record, report
from reply_milter.flows.delivering.service import HookService
from reply_milter.flows.delivering.standing import objection
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.delivery import Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent
from reply_text import decoded
from reply_text.syntax.mailbox import mailboxes
from reply_text.syntax.message_file import split


def park(service: HookService, sealed: SealedReply, envelope: Envelope) -> DeliveryOutcome:
    """Keep a reply, and ask the user on file about it. The caller holds the reply in the ledger.

    Without room, the MTA keeps it; after ``give_up_seconds`` it becomes a dead letter.

    Raises:
        OSError: it became a dead letter, and that can't be written.
    """
    if service.parking.find(sealed.id) is None:
        now = service.clock.now()
        author, subject = _described(envelope.message)
        until = now + DAY * service.rules.confirming.validity_days
        parked = ParkedReply(sealed, author, subject, envelope.sender, envelope.recipient, now, until)
        if not service.parking.keep(parked, envelope.message, service.rules.room):
            return _no_room(service, sealed, envelope)
        report(service, DeliveryEvent.PARKED, sealed, sealed.reason)
        _count(service)
        ask(service, sealed.user)
    return commit(service, sealed)


def process_answer(service: HookService, sealed: SealedReply, envelope: Envelope) -> Done | Later:
    """Process a mail to the address of a question: release what the question lists, discard it, or ignore the mail."""
    with service.ledger.hold(f"answer {sealed.context}") as ours:
        if not ours:
            return Later("another answer to this question is being processed")
        why = _apply_answer(service, sealed, envelope)
    put_on_record(service, sealed, Progress.DONE)
    report(service, DeliveryEvent.IGNORED if why else DeliveryEvent.DELIVERED, sealed, why=why)
    return commit(service, sealed)


def _apply_answer(service: HookService, sealed: SealedReply, envelope: Envelope) -> str:
    """Decide as the answer says. Returns why the mail is ignored; empty if it is an answer."""
    question = service.questions.find(sealed.context)
    if question is None or question.user != sealed.user:
        return "no open question has this address"
    given = _read(service, question, envelope)
    if given is Answer.NONE:
        return "not a clear yes or no from a person"
    _decide(service, question, given)
    return ""


def release(service: HookService, parked: ParkedReply, even_if_revoked: bool = False) -> DeliveryOutcome:
    """Hand a parked reply over as its user's. Later: it stays, and ``maintain_parking`` retries; else it is gone.

    A reply whose address is no longer valid is discarded: Never, with the reason. ``even_if_revoked``: an operator
    wants it delivered all the same.
    """
    service.parking.mark_released(parked.id, even_if_revoked=even_if_revoked)
    with service.ledger.hold(parked.id) as ours:
        if not ours:
            return Later("another delivery of this reply is in progress")
        current = service.parking.find(parked.id)
        if current is None:  # another process released or discarded it
            return Done()
        against = _against(service, current)
        if against is not None:
            return against
        envelope = Envelope(parked.sender, parked.recipient, service.parking.message(parked.id))
        handed = hand_over(service, replace(parked.sealed, parked=False), envelope)
        if not isinstance(handed, Later):
            service.parking.remove(parked.id)
            report(service, DeliveryEvent.RELEASED, parked.sealed)
    _count(service)
    return handed


def discard(service: HookService, parked: ParkedReply, why: str = "") -> None:
    """Remove a parked reply without delivering it. ``why``: for the log."""
    if service.parking.remove(parked.id):
        put_on_record(service, parked.sealed, Progress.DEAD)
        report(service, DeliveryEvent.DISCARDED, parked.sealed, why=why)
    _count(service)


def maintain_parking(service: HookService, start: Callable[[str, Callable[[], None]], None] | None = None) -> None:
    """Retry releases, discard what is over, and send due questions. To be called every few seconds.

    ``start(handler, releases)`` runs the releases to one handler; without it they run here, one after the other.
    """
    now = service.clock.now()
    released: dict[str, list[ParkedReply]] = {}
    for parked in service.parking.all():
        if parked.released:
            released.setdefault(parked.sealed.handler, []).append(parked)
        elif now >= parked.until:
            _guarded(service, partial(discard, service, parked))
    for user in sorted(users_to_ask(service.parking.all())):
        _guarded(service, partial(ask, service, user))
    for handler, replies in released.items():
        releases = partial(_release_all, service, replies)
        if start is None:
            releases()
        else:
            start(handler, releases)
    service.ledger.forget(now)
    service.questions.forget(now)
    _count(service)


def _release_all(service: HookService, replies: list[ParkedReply]) -> None:
    for parked in replies:
        _guarded(service, partial(release, service, parked))


def _guarded(service: HookService, run: Callable[[], object]) -> None:
    """Run one step; the others go on if it fails."""
    try:
        run()
    except Exception:  # noqa: BLE001 # logged with its traceback
        service.telemetry.internal_error()


def _against(service: HookService, parked: ParkedReply) -> Never | Later | None:
    """Why a released reply is not handed over; None if it is."""
    if parked.even_if_revoked:
        return None
    try:
        why = objection(service, parked)
    except StoreUnavailableError:
        return Later("the store did not answer")
    if not why:
        return None
    discard(service, parked, why)
    return Never(why)


def _no_room(service: HookService, sealed: SealedReply, envelope: Envelope) -> DeliveryOutcome:
    """Defer a reply. Its first try is on record under another name, because it is not handed over yet."""
    now, name = service.clock.now(), f"no room for {sealed.id}"
    service.ledger.put(name, Progress.TRIED, now, now + 2 * service.rules.give_up_seconds)
    why = "the limits of parked replies are reached"
    return defer(service, sealed, envelope, why, service.ledger.entry(name).first_tried)


def _read(service: HookService, question: AskedQuestion, envelope: Envelope) -> Answer:
    rules = service.rules
    read = read_redacted(envelope.message, rules.form, rules.marker, rules.limits)
    fields: dict[str, list[str]] = {}
    for name, value in split(envelope.message)[0]:
        fields.setdefault(name.lower(), []).append(value)
    return read_answer(envelope.sender, fields, question.message_id, read)


def _decide(service: HookService, question: AskedQuestion, given: Answer) -> None:
    """Decide about what a question lists. Every step may be repeated: after a crash, the MTA or the next round does."""
    listed = [one for one in service.parking.all() if one.question == question.id and not one.released]
    if given is Answer.YES:
        service.parking.mark_released(*(one.id for one in listed))
        for parked in listed:
            release(service, parked)
    else:
        for parked in listed:
            service.questions.silence(parked.sealed.token_id, service.clock.now() + DAY)
            discard(service, parked)
    service.questions.close(question.id)
    ask(service, question.user)


def _described(message: bytes) -> tuple[str, str]:
    """Return author and subject, as far as they can be read."""
    first: dict[str, str] = {}
    for name, value in split(message)[0]:
        first.setdefault(name.lower(), value)
    authors = mailboxes(first.get("from", ""))
    author = (normalise(authors[0]) or authors[0].lower()) if authors else ""
    return author.encode("utf-8", "replace").decode(), one_line(decoded(first.get("subject", "")))


def _count(service: HookService) -> None:
    occupied = service.parking.occupied()
    service.telemetry.parked(occupied.replies, occupied.octets)
