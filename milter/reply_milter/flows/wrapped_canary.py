"""Send one wrapped canary: a notification leaves, its answer comes in, and is restored as for an application.

It goes the whole way but for the MTA, the store's copy and the application: sign socket, verify socket, and what the
hook does with a sealed reply. What is restored is compared and dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from reply_milter.core.mail.edited import HeaderFields, edited, written
from reply_milter.core.seal.sealed_reply import Undeliverable, open_reply
from reply_milter.core.token.address import AddressForm
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping import canary
from reply_milter.core.wrapping.restore import Restoring, Unrestorable, restore
from reply_milter.core.wrapping.wrap import Road
from reply_milter.flows.delivering.restoring import plain_of
from reply_milter.ports import Clock
from reply_milter.ports.canary import (
    CanaryFailure,
    CanaryTelemetry,
    MessageClient,
    MilterUnreachableError,
    Submitted,
)


@dataclass(frozen=True, slots=True)
class WrappedCanaryService:
    """What a wrapped canary needs. ``sign``, ``verify``: open a milter connection to that socket.

    ``unique`` returns 32 hexadecimal digits, never the same twice.
    """

    handler: Handler
    seal_keys: tuple[bytes, ...] = field(repr=False)
    form: AddressForm
    clock: Clock
    telemetry: CanaryTelemetry
    sign: Callable[[], MessageClient]
    verify: Callable[[], MessageClient]
    unique: Callable[[], str]


class _Failed(NamedTuple):
    failure: CanaryFailure
    detail: str


def send(service: WrappedCanaryService) -> None:
    """Send one, and have its fate counted. A milter that cannot be reached is a failure, and raises nothing."""
    try:
        failed = _sent(service)
    except MilterUnreachableError as error:
        failed = _Failed(CanaryFailure.UNREACHABLE, str(error))
    if failed is None:
        service.telemetry.succeeded(service.clock.now())
    else:
        service.telemetry.failed(*failed)


def _sent(service: WrappedCanaryService) -> _Failed | None:
    """Send it out and in again; None if it came back as it should."""
    own = canary.original(service.unique())
    notification = canary.notification(own, service.unique())
    left = _submitted(service.sign, canary.SENDER, canary.READER, notification, "sign")
    if left.refusal:
        return _Failed(_deferred(left) or CanaryFailure.NOT_WRAPPED, left.refusal)
    answer = canary.answer(edited(notification, left.edits), own)
    if answer is None:
        return _Failed(CanaryFailure.NOT_WRAPPED, "the notification left with the application's own address")
    arrived = _submitted(service.verify, canary.READER, answer.recipient, answer.fields, "verify")
    if arrived.refusal:
        return _Failed(_deferred(arrived) or CanaryFailure.REFUSED, arrived.refusal)
    problem = _unlike(service, edited(answer.fields, arrived.edits), own, answer.recipient)
    return _Failed(CanaryFailure.NOT_RESTORED, problem) if problem else None


def _submitted(
    connect: Callable[[], MessageClient], sender: str, recipient: str, fields: HeaderFields, socket: str
) -> Submitted:
    """Submit one message on a connection of its own."""
    try:
        client = connect()
        try:
            return client.message(sender, recipient, fields, canary.BODY)
        finally:
            client.close()
    except MilterUnreachableError as error:
        raise MilterUnreachableError(f"{socket}: {error}") from error


def _deferred(answer: Submitted) -> CanaryFailure | None:
    return CanaryFailure.DEFERRED if answer.refusal.startswith("4") else None


def _unlike(service: WrappedCanaryService, fields: HeaderFields, own: str, minted: str) -> str:
    """Restore a sealed reply as the hook does; return in words how the result differs, empty if it is right."""
    message = written(fields, canary.BODY)
    sealed = open_reply(message, service.seal_keys)
    if isinstance(sealed, Undeliverable):
        return sealed.value
    plain, wrap = plain_of(service.seal_keys, sealed), service.handler.wrap
    if plain is None or wrap is None or sealed.road != Road.WRAPPED:
        return "the verdict has no original that a seal key opens"
    host = service.form.mint_domain
    restoring = Restoring(plain, wrap, Road.WRAPPED, sealed.id, sealed.auth, host, host, service.clock.now())
    restored = restore(message, restoring)
    if isinstance(restored, Unrestorable):
        return restored.why
    return "" if canary.is_right(restored, own, minted) else "the restored message is another one"
