"""Send one canary: a genuine address and a forged one, each in a transaction that ends at RCPT."""

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
    """What a canary needs. ``connect`` opens a milter connection; ``context`` returns random numbers below 2^55."""

    handler: Handler
    keyring: Keyring
    form: AddressForm
    clock: Clock
    telemetry: CanaryTelemetry
    connect: Callable[[], MilterClient]
    context: Callable[[], int]


def send(service: CanaryService) -> None:
    """Send one, and have its fate counted. A milter that cannot be reached is a failure, and raises nothing."""
    now = service.clock.now()
    address = canary.genuine(service.handler, service.keyring, service.form, now, service.context())
    try:
        client = service.connect()
        try:
            heard, forged_heard = client.recipient(address), client.recipient(canary.forged(address))
        finally:
            client.close()
    except MilterUnreachableError as error:
        service.telemetry.failed(CanaryFailure.UNREACHABLE, str(error))
        return
    failure = failure_of(heard, forged_heard)
    if failure is None:
        service.telemetry.succeeded(now)
    else:
        service.telemetry.failed(failure, heard or forged_heard)


def failure_of(heard: str, forged_heard: str) -> CanaryFailure | None:
    """What the answers to a genuine and to a forged address show; None if both are right."""
    if not forged_heard:
        return CanaryFailure.FORGED_ACCEPTED
    if heard:
        return CanaryFailure.DEFERRED if heard.startswith("4") else CanaryFailure.REFUSED
    return CanaryFailure.FORGED_DEFERRED if forged_heard.startswith("4") else None
