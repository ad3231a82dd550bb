"""Restore revocations that a store may have lost. A revocation never shrinks, so restoring one twice does no harm."""

from collections.abc import Iterable

from reply_milter.core.token.revocation import Revocation, What
from reply_milter.ports import Registry


def restore_revocations(registry: Registry, realm: str, revocations: Iterable[Revocation]) -> int:
    """Restore those of ``realm``; return how many there were.

    Raises:
        StoreUnavailableError: the store gave no answer; any number of them was restored.
    """
    count = 0
    for one in revocations:
        if one.realm == realm:
            _restore(registry, one)
            count += 1
    return count


def _restore(registry: Registry, one: Revocation) -> None:
    match one.what:
        case What.USER:
            registry.revoke_user(one.user, one.before, one.kept_until)
        case What.WRAPPED:
            registry.revoke_user(one.user, one.before, one.kept_until, wrapped=True)
        case What.OBJECT:
            registry.revoke_object(one.handler, one.context, one.before, one.kept_until)
        case What.TOKEN:
            registry.revoke_token(one.token_id, one.kept_until)
        case What.BEFORE:
            registry.revoke_before(one.before, one.kept_until)
