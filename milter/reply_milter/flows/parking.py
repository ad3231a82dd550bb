"""Replies that wait for a word of the user on file: kept, asked about once, released by an answer, ended by time.

Only what has a good checksum is ever parked, so nobody can have us write to whom they like. One question is out for
each address and author, and few for a user: the others wait until it is answered.
"""

from dataclasses import replace

from reply_milter.core import content
from reply_milter.core.domain import normalise
from reply_milter.core.handed_over import Done, HandedOver, Later
from reply_milter.core.mailbox import mailboxes
from reply_milter.core.message_file import split
from reply_milter.core.mint import Order, mint
from reply_milter.core.parked import ParkedReply
from reply_milter.core.question import Question, is_denial, one_line, write
from reply_milter.core.reply import Envelope
from reply_milter.core.sealed_reply import SealedReply
from reply_milter.flows.handing_over import commit, put_on_record, report, settle
from reply_milter.flows.hook_service import HookService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.delivery import CourierError, Outcome, Progress

_QUESTIONS = 5  # that one user is asked at a time


def park(service: HookService, sealed: SealedReply, envelope: Envelope) -> Done | Later:
    """Keep a reply, and ask the user on file about it. Whoever calls this holds the reply in the ledger."""
    if service.parking.find(sealed.id) is None:
        now = service.clock.now()
        author, subject = _described(envelope.message)
        until = now + 86400 * service.rules.confirming.validity_days
        parked = ParkedReply(sealed, author, subject, envelope.sender, envelope.recipient, now, until)
        service.parking.keep(parked, envelope.message)
        report(service, Outcome.PARKED, sealed, sealed.reason)
        _count(service)
        _ask(service, parked)
    return commit(service, sealed)


def answered(service: HookService, sealed: SealedReply, envelope: Envelope) -> Done | Later:
    """The user on file answered a question: release what waits for it, or end it."""
    rules = service.rules
    own_text = content.read(envelope.message, rules.form, rules.marker, rules.limits).stripped
    for parked in _waiting(service, sealed.user, sealed.context):
        if is_denial(own_text):
            discard(service, parked)
        else:
            release(service, parked)
    put_on_record(service, sealed, Progress.DONE)
    report(service, Outcome.DELIVERED, sealed)
    return commit(service, sealed)


def release(service: HookService, parked: ParkedReply) -> HandedOver:
    """Hand a parked reply over as its user's. Later: it stays, and is tried again by ``tend``; else it is gone."""
    service.parking.mark_released(parked.id)
    with service.ledger.hold(parked.id) as ours:
        if not ours:
            return Later("this reply is just being delivered")
        if service.parking.find(parked.id) is None:  # somebody else was faster
            return Done()
        envelope = Envelope(parked.sender, parked.recipient, service.parking.message(parked.id))
        handed = settle(service, replace(parked.sealed, parked=False), envelope)
        if not isinstance(handed, Later):
            service.parking.remove(parked.id)
            report(service, Outcome.RELEASED, parked.sealed)
    _count(service)
    return handed


def discard(service: HookService, parked: ParkedReply) -> None:
    """Forget a parked reply."""
    if service.parking.remove(parked.id):
        put_on_record(service, parked.sealed, Progress.DEAD)
        report(service, Outcome.DISCARDED, parked.sealed)
    _count(service)


def tend(service: HookService) -> None:
    """What time brings: to be called every now and then."""
    now = service.clock.now()
    for parked in service.parking.all():
        try:
            _tend(service, parked, now)
        except Exception:  # noqa: BLE001 # it is logged, traceback and all; the others don't wait for this one
            service.telemetry.accident()
    service.ledger.forget(now)
    _count(service)


def _tend(service: HookService, parked: ParkedReply, now: int) -> None:
    if parked.released:
        release(service, parked)
    elif now >= parked.until:
        discard(service, parked)
    elif not parked.asked:
        _ask(service, parked)


def _ask(service: HookService, parked: ParkedReply) -> None:
    with service.ledger.hold(f"question {parked.sealed.user}") as ours:
        if not ours:
            return  # somebody else is at it; ``tend`` comes again
        others = [other for other in service.parking.all() if other.sealed.user == parked.sealed.user and other.asked]
        if any(other.question == parked.question for other in others):
            service.parking.mark_asked(parked.id, service.clock.now())
        elif len({other.question for other in others}) < _QUESTIONS:
            _send_question(service, parked)


def _send_question(service: HookService, parked: ParkedReply) -> None:
    now, user = service.clock.now(), parked.sealed.user
    try:
        record = service.address_book.user(user)
        if record is None or not record.addresses:
            service.telemetry.not_asked(parked.id, f"no address of user {user} is on file")
            return
        question = _question(service, parked, record.addresses[0], now)
        service.courier.send(question.recipient, write(question))
    except (StoreUnavailableError, CourierError) as error:
        service.telemetry.not_asked(parked.id, str(error))
        return
    service.parking.mark_asked(parked.id, now)


def _question(service: HookService, parked: ParkedReply, address: str, now: int) -> Question:
    rules = service.rules
    order = Order(parked.sealed.user, now, context=parked.question, recipient=address)
    minted = mint(order, rules.confirming, rules.keyring, rules.form)
    message_id = f"<{rules.confirming.name}/{now}.{service.unique()}@{rules.form.mint_domain}>"
    return Question(parked, rules.asks_as, address, minted.address, message_id, now)


def _waiting(service: HookService, user: int, question: int) -> list[ParkedReply]:
    return [one for one in service.parking.all() if one.sealed.user == user and one.question == question]


def _described(message: bytes) -> tuple[str, str]:
    """Author and subject, as far as they can be read."""
    first: dict[str, str] = {}
    for name, value in split(message)[0]:
        first.setdefault(name.lower(), value)
    authors = mailboxes(first.get("from", ""))
    author = (normalise(authors[0]) or authors[0].lower()) if authors else ""
    return author.encode("utf-8", "replace").decode(), one_line(content.decoded(first.get("subject", "")))


def _count(service: HookService) -> None:
    service.telemetry.parked(len(service.parking.all()))
