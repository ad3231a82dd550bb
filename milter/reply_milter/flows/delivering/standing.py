"""Whether the address of a parked reply still stands when the reply is to be released: days may have gone by."""

from reply_milter.core.delivery.parked import ParkedReply
from reply_milter.core.token import token as tokens
from reply_milter.core.token.address import ReplyAddress, classify
from reply_milter.core.verdict.reasons import Cause
from reply_milter.core.wrapping.pseudo_users import shown_user
from reply_milter.flows.delivering.service import HookService

_WORDS = {
    Cause.TOKEN: "its address is revoked",
    Cause.USER: "what was issued to its user is revoked",
    Cause.OBJECT: "what was issued about its subject is revoked",
    Cause.BEFORE: "all that was issued at that time is revoked",
}


def objection(service: HookService, parked: ParkedReply) -> str:
    """Say what is against the reply by now: handler, user, revocation, key; empty if nothing is.

    Its expiry is not: the reply came in time. A handler that is gone is none of this: the reply becomes a dead letter.

    Raises:
        StoreUnavailableError: the store gave no answer.
    """
    sealed = parked.sealed
    handler = service.rules.handlers.named(sealed.handler)
    if handler is None:
        return ""
    if not handler.enabled:
        return f"the handler {sealed.handler!r} is disabled"
    if not _has_live_key(service, parked.recipient):
        return "the master key of its address is retired"
    wrapped = handler.wrap is not None
    facts = service.standings.facts(sealed.user, handler.id, sealed.context, sealed.token_id, wrapped)
    if facts.user_disabled:
        return f"user {shown_user(sealed.user, wrapped)} is disabled"
    revoked = facts.revoked(sealed.issued)
    return _WORDS[revoked[0]] if revoked else ""


def _has_live_key(service: HookService, recipient: str) -> bool:
    """An envelope that an alias has rewritten names no token; then the key can't be looked for."""
    form = service.rules.form
    found = classify(form, recipient, None)
    text = tokens.parse(form.token_text(found.local), form.checksum_length) if isinstance(found, ReplyAddress) else None
    return text is None or service.rules.keyring.verify(text) is not None
