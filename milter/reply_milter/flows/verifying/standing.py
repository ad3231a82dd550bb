"""Whether a token is still valid at the end of its message: hours may have passed since RCPT, and a reload."""

from reply_milter.core.token.verify import Checked, Facts, Junk, check_standing, check_token_text
from reply_milter.core.verdict.policy import Finding
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.native import standing_at_end
from reply_milter.flows.verifying.recipient import store_unavailable
from reply_milter.ports import Asking, FactsOf, StoreUnavailableError


def standing(service: Service, arrival: Arrival, checked: Checked, facts: Facts | None) -> list[Finding]:
    """Check a token of ours again: key, handler, expiry, and ``facts`` (None: unknown). Returns at most one finding."""
    now = service.clock.now()
    again: Checked | Junk = checked
    if arrival.current is not service.rules:  # a reload: keys may be retired, handlers gone
        again = check_token_text(checked.token_text, arrival.current.keyring, arrival.current.handlers, now)
    if isinstance(again, Junk):
        return [again.finding]
    found = check_standing(again, facts, now)
    return [found] if found else []


def standing_of_sealed(service: Service, arrival: Arrival, checked: Checked) -> Asking[list[Finding]]:
    """Do so for a reply that a peer has claimed: one question to the store."""
    token, facts = checked.token, arrival.recipient.facts
    missing, wrapped = [], checked.handler.wrap is not None
    try:
        facts = yield FactsOf(token.user, token.handler, token.context, checked.token_id, wrapped)
    except StoreUnavailableError:
        missing = [store_unavailable(service, arrival.has_other_recipients)]
    if arrival.recipient.claimant is not None:
        return (yield from standing_at_end(service, arrival, checked, facts)) + missing
    return standing(service, arrival, checked, facts) + missing
