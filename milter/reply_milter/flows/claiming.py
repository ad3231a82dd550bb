"""Taking a message for its token: what it is called, what limits it meets, and what the store says."""

import random

from reply_milter.core import message_id
from reply_milter.core.domain import normalise
from reply_milter.core.fingerprint import squeeze
from reply_milter.core.policy import Finding
from reply_milter.core.verdict import Action, Reason
from reply_milter.core.verify import Checked
from reply_milter.flows.arrival import Arrival
from reply_milter.flows.recipient import store_unavailable
from reply_milter.flows.service import Service
from reply_milter.ports import Claim, Limit, Replay, StoreUnavailableError

KEPT_SECONDS = 7 * 86400  # how long a token's replies are remembered after its end

_OWNER_OCTETS = 6
_CONTENT = ("from", "date", "subject", "in-reply-to")  # and the body
_REASONS = {Replay.DUPLICATE: Reason.DUPLICATE, Replay.REPLAYED: Reason.REPLAYED}


def claim_for(service: Service, arrival: Arrival, checked: Checked) -> Claim:
    """Name this message to its token: by Message-ID, or by content where it has none that outlives a retry.

    Limits hold for what is to be parked as for any other: whoever holds an address could fill a disk with it.
    """
    message, key, glob = arrival.message, checked.key, checked.glob.text
    author, date, subject, answered = [squeeze(message.first(name)) for name in _CONTENT]
    body = arrival.body.octets()
    identifier = message_id.own_id(message.first("message-id"))
    if message_id.is_made_up(identifier, arrival.queue_id):
        identifier = ""
    if identifier:
        tag = key.message_id_tag(glob, identifier)
    else:
        tag = key.content_tag(glob, author, date, body)
    policy = arrival.recipient.policy
    return Claim(
        token_id=checked.token_id,
        message_tag=tag,
        content=key.content(author, date, subject, answered, body),
        owner=random.randbytes(_OWNER_OCTETS),  # noqa: S311 # nobody gains by guessing it; seeded anew in each process
        kept_seconds=max(checked.expires_at - service.clock.now(), 0) + KEPT_SECONDS,
        author=key.author(normalise(message.author) or message.author.lower()) if policy.senders_per_token else b"",
        replies=_limit(arrival, policy.replies_per_token, Reason.SPENT),
        senders=_limit(arrival, policy.senders_per_token, Reason.LEAKED),
    )


def take(service: Service, claim: Claim, mixed: bool) -> tuple[Replay | None, list[Finding]]:
    """Ask the store, once: a claim that got no answer may yet be carried out, and is never sent again.

    None: a limit refuses it, so it was not taken.
    """
    try:
        claimed = service.store.claim(claim)
    except StoreUnavailableError:
        service.telemetry.replay(Replay.UNKNOWN)
        return Replay.UNKNOWN, [store_unavailable(service, mixed)]
    if claimed.replay is not None:
        service.telemetry.replay(claimed.replay)
    found = {Reason.SPENT: claimed.spent, Reason.LEAKED: claimed.leaked}
    objections = [Finding.of(reason) for reason, applies in found.items() if applies]
    reason = claimed.replay and _REASONS.get(claimed.replay)
    return claimed.replay, objections + ([Finding.of(reason)] if reason else [])


def _limit(arrival: Arrival, most: int, reason: Reason) -> Limit | None:
    """``most`` as the policy has it; whether it refuses must be known before the message is taken."""
    if not most:
        return None
    policy = arrival.recipient.policy
    action = policy.action(Finding.of(reason))
    stays = action is Action.ACCEPT or (action is Action.PARK and arrival.parkable)
    return Limit(most, refuses=not stays)
