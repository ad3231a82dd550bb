"""Send one native canary: for each application that has one, an address of a known user, and a forged one.

Each is asked about in a transaction that ends at RCPT. It shows that the workers know the users of the application as
its source does now, and that they still tell genuine addresses from forged ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reply_milter.core.native import canary
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.flows.canary import failure_of
from reply_milter.ports import Clock, NativeSources, SourceUnavailableError
from reply_milter.ports.canary import CanaryFailure, CanaryTelemetry, MilterClient, MilterUnreachableError


@dataclass(frozen=True, slots=True)
class NativeCanaryService:
    """What a native canary needs. ``handlers``: those of ``native_canaries``; ``connect`` opens a milter connection."""

    handlers: Sequence[Handler]
    natives: NativeSources
    clock: Clock
    telemetry: CanaryTelemetry
    connect: Callable[[], MilterClient]


class _Failed(NamedTuple):
    failure: CanaryFailure
    detail: str


def native_canaries(handlers: Handlers) -> tuple[Handler, ...]:
    """The handlers that verify native addresses, and name a user for the canary."""
    verifying = ((one, one.wrap.verification) for one in handlers.wrapped if one.wrap is not None)
    return tuple(one for one, how in verifying if how is not None and how.canary is not None)


def send(service: NativeCanaryService) -> None:
    """Send one to each application, and have the first failure counted, or that there is none. Raises nothing."""
    for handler in service.handlers:
        failed = _sent(service, handler)
        if failed is not None:
            service.telemetry.failed(failed.failure, f"handler={handler.name} {failed.detail}")
            return
    service.telemetry.succeeded(service.clock.now())


def _sent(service: NativeCanaryService, handler: Handler) -> _Failed | None:
    wrap = handler.wrap
    how = wrap.verification if wrap is not None else None
    if wrap is None or how is None or how.canary is None:
        return None
    try:
        known = service.natives.known(handler.id, canary.named(how.form, how.canary))
    except SourceUnavailableError as error:
        return _Failed(CanaryFailure.SOURCE, str(error))
    if known is None or known.disabled or known.data_disabled:
        state = "unknown to its source" if known is None else "disabled"
        return _Failed(CanaryFailure.SOURCE, f"the canary's user {how.canary.user} is {state}")
    keys = canary.keys(how.form, how.canary, known, service.clock.now())
    return _asked(service, *(canary.address(wrap.address, key) for key in keys))


def _asked(service: NativeCanaryService, genuine: str, forged: str) -> _Failed | None:
    try:
        client = service.connect()
        try:
            heard, forged_heard = client.recipient(genuine), client.recipient(forged)
        finally:
            client.close()
    except MilterUnreachableError as error:
        return _Failed(CanaryFailure.UNREACHABLE, str(error))
    failure = failure_of(heard, forged_heard)
    return None if failure is None else _Failed(failure, heard or forged_heard)
