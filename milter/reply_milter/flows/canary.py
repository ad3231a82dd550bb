"""One canary: a genuine address and a forged one are asked about, each in a transaction that is given up at RCPT."""

from collections.abc import Callable
from dataclasses import dataclass

from reply_milter.core.token import canary
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.verdict.handler import Handler
from reply_milter.ports import Clock
from reply_milter.ports.canary import CanaryFailure, CanaryTelemetry, MilterClient, MilterUnreachableError


@dataclass(frozen=True, slots=True)
class CanaryService:
    """What a canary is made of. ``door`` connects; ``context`` gives numbers below 2^55 that nobody guesses."""

    handler: Handler
    keyring: Keyring
    form: AddressForm
    clock: Clock
    telemetry: CanaryTelemetry
    door: Callable[[], MilterClient]
    context: Callable[[], int]


def send(service: CanaryService) -> None:
    """Send one, and have its fate counted. Raises nothing that the door brings about."""
    now = service.clock.now()
    address = canary.genuine(service.handler, service.keyring, service.form, now, service.context())
    try:
        door = service.door()
        try:
            heard, forged_heard = door.recipient(address), door.recipient(canary.forged(address))
        finally:
            door.close()
    except MilterUnreachableError as error:
        service.telemetry.failed(CanaryFailure.UNREACHABLE, str(error))
        return
    failure = _failure(heard, forged_heard)
    if failure is None:
        service.telemetry.succeeded(now)
    else:
        service.telemetry.failed(failure, heard or forged_heard)


def _failure(heard: str, forged_heard: str) -> CanaryFailure | None:
    if not forged_heard:
        return CanaryFailure.FORGED_ACCEPTED
    if heard:
        return CanaryFailure.DEFERRED if heard.startswith("4") else CanaryFailure.REFUSED
    return CanaryFailure.FORGED_DEFERRED if forged_heard.startswith("4") else None
