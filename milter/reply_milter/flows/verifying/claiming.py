"""Claim a message for its token: its names, its limits, and the answer of the store."""

import random
from typing import Final, NamedTuple

from reply_milter.core.mail import message_id
from reply_milter.core.mail.domain import normalise
from reply_milter.core.mail.fingerprint import squeeze
from reply_milter.core.rules.message import Bindings, SenderMatch
from reply_milter.core.token.keyring import WRONG_AUTHOR_OCTETS
from reply_milter.core.token.verify import Checked, Facts
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import GUESSED, Cause, Reason
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.recipient import store_unavailable
from reply_milter.ports import Asking, Claim, Claimed, Limit, Replay, StoreUnavailableError, Tries
from reply_text.syntax import message_ids

KEPT_SECONDS: Final = 7 * 86400  # how long a token's replies are remembered after its end
WRONG_AUTHORS: Final = 20  # of a token's life: of 32,768 tags a guesser then finds one in 1,600 times

_OWNER_OCTETS: Final = 6
_CONTENT: Final = ("from", "date", "subject", "in-reply-to")  # and the body
_REASONS: Final = {Replay.DUPLICATE: Reason.DUPLICATE, Replay.REPLAYED: Reason.REPLAYED}
_LEAKED: Final = Finding(Reason.LEAKED, GUESSED, because=Cause.WRONG_AUTHORS)


class Taken(NamedTuple):
    """The store's answer. ``replay`` None: not taken. ``facts``: what is known by now; None: not asked, or no answer.

    ``of_author`` are weighed before the findings about the message's author, and ``objections`` after all others.
    ``last``: the token has leaked by this message.
    """

    replay: Replay | None
    of_author: list[Finding]
    objections: list[Finding]
    facts: Facts | None = None
    last: bool = False


def claim_for(
    service: Service,
    arrival: Arrival,
    checked: Checked,
    tries: Tries | None = None,
    takes: bool = True,
) -> Claim:
    """Name this message for its token: by Message-ID, or by content if its Message-ID changes with a retry.

    Limits hold for parked replies too: otherwise an attacker with one address could fill the disk.
    """
    message, key, token_text = arrival.message, checked.key, checked.token_text.text
    author, date, subject, answered = [squeeze(message.first(name)) for name in _CONTENT]
    body = arrival.body.octets()
    identifier = message_ids.own_id(message.first("message-id"))
    if message_id.is_made_up(identifier, arrival.queue_id):
        identifier = ""
    if identifier:
        tag = key.message_id_tag(token_text, identifier)
    else:
        tag = key.content_tag(token_text, author, date, body)
    policy = arrival.recipient.policy
    return Claim(
        token_id=checked.token_id,
        message_tag=tag,
        content=key.content(author, date, subject, answered, body),
        owner=random.randbytes(_OWNER_OCTETS),  # noqa: S311 # no secret; seeded anew in each process
        kept_seconds=max(checked.expires_at - service.clock.now(), 0) + KEPT_SECONDS,
        author=key.author(normalise(message.author) or message.author.lower()) if policy.senders_per_token else b"",
        replies=_limit(arrival, policy.replies_per_token, Reason.SPENT),
        senders=_limit(arrival, policy.senders_per_token, Reason.LEAKED),
        tries=tries,
        takes=takes,
        about=checked.token,
        wrapped=checked.handler.wrap is not None,
    )


def tries_of(arrival: Arrival, checked: Checked, bound: Bindings) -> Tries | None:
    """How the author is counted if it may be a guess: always, unless it is an exact address on file.

    An author that can never match (no plain local part, no domain) shows a guesser nothing, and is not counted.
    """
    facts, owner = arrival.recipient.facts, arrival.recipient.claimant
    exact = owner.addresses if owner is not None else facts is not None and facts.addresses
    if bound.sender is SenderMatch.MATCH and exact:
        return None
    wrong = b""
    author = normalise(arrival.message.author)
    if bound.sender is SenderMatch.MISMATCH and author is not None:
        wrong = checked.key.author(author)[:WRONG_AUTHOR_OCTETS]
    return Tries(WRONG_AUTHORS, _refuses(arrival, _LEAKED), wrong)


def tells_of_author(bound: Bindings, tries: Tries) -> bool:
    """Whether a refusal at or after the check of the author shows a guesser something: also that the guess is right."""
    return bool(tries.wrong) or bound.sender is SenderMatch.MATCH


def take(service: Service, claim: Claim, bound: Bindings, has_other_recipients: bool) -> Asking[Taken]:
    """Ask the store once: a claim without an answer may yet be carried out, so it is never sent again."""
    try:
        claimed: Claimed = yield claim
    except StoreUnavailableError:
        return _without_store(service, claim, bound, has_other_recipients)
    if claimed.replay is not None:
        service.telemetry.replay(claimed.replay)
    if claimed.counted:
        service.telemetry.wrong_author(claimed.last)
    of_author = [_LEAKED] if claimed.guessed else []
    return Taken(claimed.replay, of_author, _objections(claimed), claimed.facts, claimed.last)


def _objections(claimed: Claimed) -> list[Finding]:
    found = {Reason.SPENT: claimed.spent, Reason.LEAKED: claimed.leaked}
    objections = [Finding.of(reason) for reason, applies in found.items() if applies]
    reason = claimed.replay and _REASONS.get(claimed.replay)
    return objections + ([Finding.of(reason)] if reason else [])


def _without_store(service: Service, claim: Claim, bound: Bindings, has_other_recipients: bool) -> Taken:
    """Answer without the store. An author that cannot be counted is deferred: else guesses would be free meanwhile.

    If the operator (or another recipient) has such mail accepted all the same, this host's own table of guesses counts,
    minute by minute.
    """
    missing = store_unavailable(service, has_other_recipients)
    if claim.takes:
        service.telemetry.replay(Replay.UNKNOWN)
    if claim.tries is not None and tells_of_author(bound, claim.tries) and missing.fixed is Action.ACCEPT:
        tried = service.guesses.count(f"token {claim.token_id}", service.clock.now())
        if tried > WRONG_AUTHORS:
            missing = Finding(missing.reason, missing.reply, fixed=Action.DEFER)
    if not claim.takes:
        return Taken(None, [missing], [])
    return Taken(Replay.UNKNOWN, [], [missing])


def _limit(arrival: Arrival, most: int, reason: Reason) -> Limit | None:
    """A limit of ``most``, 0 for none. Whether it refuses must be known before the message is taken."""
    return Limit(most, refuses=_refuses(arrival, Finding.of(reason))) if most else None


def _refuses(arrival: Arrival, finding: Finding) -> bool:
    return not arrival.stays(arrival.recipient.policy.action(finding))
