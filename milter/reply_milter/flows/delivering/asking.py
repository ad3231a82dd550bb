"""Ask the user on file about parked replies: choose what to ask now, and send the mail.

A question lists replies that one author sent to one address. It is on record with its list before the mail goes out, so
that a mail that is sent again after a crash lists the same replies. Later replies wait for the next question, which is
sent when the last one is answered, or after a day. The open questions per user and per address are limited.
"""

from collections.abc import Iterable

from reply_milter.core.delivery.confirmation import LISTED, QuestionMail, compose
from reply_milter.core.delivery.parked import AskedQuestion, ParkedReply
from reply_milter.core.token.mint import Order, mint
from reply_milter.core.wrapping.pseudo_users import shown_user
from reply_milter.flows.delivering.restoring import open_plain
from reply_milter.flows.delivering.service import HookService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.delivery import MailSenderError

DAY = 86400
_OF_A_USER = 5  # open questions
_OF_AN_ADDRESS = 2  # so that a leaked address leaves questions for the others


def ask(service: HookService, user: int) -> None:
    """Send the questions that are due to ``user``. What can't be sent now, ``maintain_parking`` retries."""
    with service.ledger.hold(f"question {user}") as ours:
        if not ours:
            return  # another thread or process asks this user now
        waiting, silenced = _waiting(service, user), service.questions.silenced(service.clock.now())
        for question in service.questions.of(user):
            listed = [one for one in waiting if one.question == question.id]
            if not listed or question.sent or listed[0].sealed.token_id in silenced:
                continue
            if not _send(service, question, listed):
                return
        while replies := _to_be_asked(service, user):
            if not _put_and_send(service, user, replies):
                return


def users_to_ask(replies: Iterable[ParkedReply]) -> set[int]:
    """Return the users with replies that no question lists, or whose question is not sent."""
    return {one.sealed.user for one in replies if not one.released and not one.asked}


def _waiting(service: HookService, user: int) -> list[ParkedReply]:
    return [one for one in service.parking.all() if one.sealed.user == user and not one.released]


def _to_be_asked(service: HookService, user: int) -> list[ParkedReply]:
    """Return what the next question lists, the oldest first; empty if no question is due."""
    waiting, now = _waiting(service, user), service.clock.now()
    lists = {one.question: one.kind for one in waiting if one.question}
    out = [question for question in service.questions.of(user) if question.id in lists]
    silenced = service.questions.silenced(now)
    for kind in dict.fromkeys(one.kind for one in waiting if not one.question):
        of_address = [question for question in out if lists[question.id][0] == kind[0]]
        recent = any(lists[question.id] == kind and now < question.made + DAY for question in of_address)
        if kind[0] not in silenced and len(out) < _OF_A_USER and len(of_address) < _OF_AN_ADDRESS and not recent:
            return [one for one in waiting if one.kind == kind and not one.question][:LISTED]
    return []


def _put_and_send(service: HookService, user: int, replies: list[ParkedReply]) -> bool:
    if _address(service, replies[0]) is None:
        return False
    now, rules = service.clock.now(), service.rules
    message_id = f"<{rules.confirming.name}/{now}.{service.unique()}@{rules.form.mint_domain}>"
    question = AskedQuestion.named(message_id, user, now, now + DAY * rules.confirming.validity_days)
    service.questions.put(question, [one.id for one in replies])
    listed = [one for one in service.parking.all() if one.question == question.id]
    return not listed or _send(service, question, listed)


def _send(service: HookService, question: AskedQuestion, listed: list[ParkedReply]) -> bool:
    """Send a question. False: the MTA did not accept it."""
    address = _address(service, listed[0])
    if address is None:
        return False
    mail = _question(service, question, listed, address)
    try:
        service.mail_sender.send(mail.recipient, compose(mail))
    except MailSenderError as error:
        service.telemetry.not_asked(listed[0].id, str(error))
        return False
    service.questions.mark_sent(question.id, service.clock.now())
    return True


def _address(service: HookService, reply: ParkedReply) -> str | None:
    """Look up whom to ask. None, and a log line, if the user can't be asked now.

    For a wrapped address that is the recipient of the notification: its user is a number that stands for that one.
    """
    user = reply.sealed.user
    try:
        record = service.address_book.user(user, bool(reply.sealed.road))
    except StoreUnavailableError as error:
        service.telemetry.not_asked(reply.id, str(error))
        return None
    if record is not None and record.disabled:
        whom = shown_user(user, bool(reply.sealed.road))
        service.telemetry.not_asked(reply.id, f"user {whom} is disabled and could not answer")
        return None
    if reply.sealed.road:
        return _recipient(service, reply)
    if record is None or not record.addresses:
        service.telemetry.not_asked(reply.id, f"no address of user {user} is on file")
        return None
    return record.addresses[0]


def _recipient(service: HookService, reply: ParkedReply) -> str | None:
    plain = open_plain(service, reply.sealed)
    if plain is None or not plain.recipient:
        service.telemetry.not_asked(reply.id, "no seal key opens whom the notification went to, or none did")
        return None
    return plain.recipient


def _question(service: HookService, question: AskedQuestion, listed: list[ParkedReply], address: str) -> QuestionMail:
    """Make the mail. The same list gives the same octets, because address and date are those on record."""
    rules = service.rules
    order = Order(question.user, question.made, context=question.id, recipient=address)
    return QuestionMail(
        replies=tuple(listed[:LISTED]),
        author=rules.asks_as,
        recipient=address,
        answers_to=mint(order, rules.confirming, rules.keyring, rules.form).address,
        message_id=question.message_id,
        now=question.made,
        until=question.until,
        contact=rules.contact,
    )
