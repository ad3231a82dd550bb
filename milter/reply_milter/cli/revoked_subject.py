"""What a revocation is about: in the words that ``revoke undo`` takes, in JSON, and in the store."""

import shlex

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.core.verdict.handler import Handlers


def words(one: Revocation, handlers: Handlers) -> str:
    """Return the arguments that name it: ``user 42``, ``object forum 2351``, ``before``."""
    match one.what:
        case What.USER:
            return f"user {one.user}"
        case What.WRAPPED:
            return f"address {shlex.quote(one.of)}" if one.of else f"user --wrapped {one.user}"
        case What.OBJECT:
            return f"object {handler_name(one, handlers)} {one.context}"
        case What.TOKEN:
            return f"token {one.token_id}"
        case What.BEFORE:
            return "before"


def members(one: Revocation, handlers: Handlers) -> dict[str, object]:
    """Return the members that name it in JSON; ``user`` is never a pseudo-user's number."""
    match one.what:
        case What.USER:
            return {"user": one.user}
        case What.WRAPPED:
            return {"user": None, "pseudo_user": one.user, "address": one.of or None}
        case What.OBJECT:
            return {"handler": handler_name(one, handlers), "context": str(one.context)}
        case What.TOKEN:
            return {"token_id": one.token_id}
        case What.BEFORE:
            return {}


def handler_name(one: Revocation, handlers: Handlers) -> str:
    """Return the name of its handler; the number of one that is no longer configured."""
    handler = handlers.by_id.get(one.handler)
    return handler.name if handler is not None else str(one.handler)


def reach_in_store(one: Revocation, store: RedisStore) -> int:
    """Return the time before which the store has its addresses revoked, as ``Revocation.reach``; 0 for not at all.

    Raises:
        StoreUnavailableError: the store gave no answer.
    """
    facts = store.facts(one.user, one.handler, one.context, one.token_id, one.what is What.WRAPPED)
    match one.what:
        case What.USER | What.WRAPPED:
            return facts.user_revoked_before
        case What.OBJECT:
            return facts.object_revoked_before
        case What.TOKEN:
            return int(facts.token_revoked)
        case What.BEFORE:
            return facts.all_revoked_before
