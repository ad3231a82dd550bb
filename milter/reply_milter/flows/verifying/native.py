"""A native address that is to be verified: form and throttle, then the source of its users, then the store.

Unknown, malformed and wrong keys take one look-up and one digest each, and the client hears the same of all of them.
"""

from functools import partial

from reply_milter.core.native.claimant import checked, claimant
from reply_milter.core.native.forms import Named, Reading, is_genuine, reading_of
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import Verification
from reply_milter.core.token.verify import Checked, Facts, check_standing
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Cause, Reason, reply_for
from reply_milter.core.wrapping.native import Direct
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.recipient import ReplyRecipient, ask
from reply_milter.flows.verifying.throttling import is_throttled, throttled
from reply_milter.ports import Asking, Consult, SourceUnavailableError

_UNKNOWN = Finding(
    Reason.STORE_UNAVAILABLE, reply_for(Reason.STORE_UNAVAILABLE), fixed=Action.DEFER, because=Cause.SOURCE
)


def assess_native(
    service: Service, direct: Direct, how: tuple[Verification, str], client: str
) -> Asking[ReplyRecipient]:
    """Verify a recipient's key. At most one look-up in the source, and one read of the store."""
    verification, key = how
    policy, now = direct.handler.policy, service.clock.now()
    domain = direct.address.rpartition("@")[2]

    def refused(finding: Finding) -> ReplyRecipient:
        return ReplyRecipient(domain, direct.address, policy, findings=[finding], direct=direct)

    too_many = is_throttled(service, client, now)
    if too_many is not None:
        return refused(too_many)
    reading = reading_of(verification.form, key)
    try:
        known = yield from _known(service, direct.handler.id, reading.named)
    except SourceUnavailableError:
        return refused(_UNKNOWN)
    genuine = is_genuine(reading, known)
    if not genuine or known is None or not reading.is_canonical:
        cause = Cause.SPELLING if genuine else _cause(reading, known)
        return refused(throttled(service, client, now) or Finding.of(Reason.FORGED, cause))
    token = checked(reading.named, known, direct.handler, service.rules.keyring, now)
    facts, missing = yield from ask(service, token.token, token.token_id)
    standing = standing_of_native(token, known, facts, now)
    return ReplyRecipient(
        domain,
        direct.address,
        policy,
        token,
        facts,
        [finding for finding in (standing, missing) if finding is not None],
        direct=direct,
        claimant=claimant(direct.address, reading.named, known, direct.handler),
    )


def standing_of_native(token: Checked, known: Known, facts: Facts | None, now: int) -> Finding | None:
    """Whether a genuine native address is still valid: its user, what it is for, its end, revocation."""
    if known.disabled or known.data_disabled:
        return Finding.of(Reason.FORGED, Cause.USER_DISABLED if known.disabled else Cause.HANDLER)
    return check_standing(token, facts, now)


def standing_at_end(service: Service, arrival: Arrival, token: Checked, facts: Facts | None) -> Asking[list[Finding]]:
    """Check a native address again at the end of its message: hours may have passed since RCPT, and a reload.

    Where the source gives no answer now, with other recipients in the message RCPT's answer stands: the reply could
    only be removed, and so be lost.
    """
    owner, now = arrival.recipient.claimant, service.clock.now()
    handler = arrival.current.handlers.by_id.get(token.handler.id)
    if owner is None or handler is None or not handler.enabled or handler.wrap is None:
        return [Finding.of(Reason.FORGED, Cause.HANDLER)]
    try:
        known = yield from _known(service, handler.id, owner.named)
    except SourceUnavailableError:
        return [] if arrival.has_other_recipients else [_UNKNOWN]
    if known is None or not owner.named.is_made_with(known):
        return [Finding.of(Reason.FORGED, Cause.STRANGER if known is None else Cause.CHECKSUM)]
    found = standing_of_native(token, known, facts, now)
    return [found] if found is not None else []


def _cause(reading: Reading, known: Known | None) -> Cause:
    """What is wrong with a key that is not genuine, for the log alone."""
    if reading.is_blank:
        return Cause.FORM
    return Cause.STRANGER if known is None else Cause.CHECKSUM


def _known(service: Service, handler_id: int, named: Named) -> Asking[Known | None]:
    if service.natives is None:
        raise SourceUnavailableError("nobody knows the users of this application")
    known: Known | None = yield Consult(partial(service.natives.known, handler_id, named))
    return known
