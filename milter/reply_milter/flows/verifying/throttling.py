"""Forged addresses, counted by their client's network; too many in a minute are deferred."""

from typing import Final

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.flows.service import Service

_THROTTLED: Final = Finding(Reason.THROTTLED, reply_for(Reason.THROTTLED), fixed=Action.DEFER)


def is_throttled(service: Service, client: str, now: int) -> Finding | None:
    """Return what to answer once a client's network has sent too many forged addresses. Counts nothing."""
    limit = service.rules.verify.forged_per_minute
    if not limit or service.guesses.counted(client, now) < limit:
        return None
    return _THROTTLED


def throttled(service: Service, client: str, now: int) -> Finding | None:
    """Count a forged address; return what to answer instead once its network has sent too many."""
    limit = service.rules.verify.forged_per_minute
    if not limit or service.guesses.count(client, now) <= limit:
        return None
    return _THROTTLED
