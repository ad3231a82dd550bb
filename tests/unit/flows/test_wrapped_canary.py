"""The wrapped canary against the flows themselves, and what is reported where one of them does the wrong thing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from itertools import count

import pytest

from reply_milter.config.sign import SignSettings
from reply_milter.core.mail.headers import Append, Edit, Insert
from reply_milter.core.notification.application import Application
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping.canary import wrapped_canary_handler
from reply_milter.flows.service import MintingRules, MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.flows.verifying.passing_store import PassingStore
from reply_milter.flows.wrapped_canary import WrappedCanaryService, send
from reply_milter.ports import Notification
from reply_milter.ports.canary import CanaryFailure, MilterClient, MilterUnreachableError, Submitted
from tests.support.fakes import FORM, ISSUE, KEYRING, NOW, SEAL_KEY, FixedClock, MemoryMark, MemoryStore, rules, service
from tests.support.milter_in_process import MilterInProcess
from tests.support.wrapped_mail import handler_of

CLIENT = "fd00::1"


def canary() -> Handler:
    """The handler that both sockets know for the canary alone."""
    found = wrapped_canary_handler(Handlers.of([ISSUE, handler_of("gitea")]))
    assert found is not None
    return found


_numbers = count()


def unique() -> str:
    """32 hexadecimal digits."""
    return f"{next(_numbers):032x}"


@dataclass
class Host:
    """Both sockets of a host, and what the canary reports of them."""

    handler: Handler = field(default_factory=canary)
    store: MemoryStore = field(default_factory=MemoryStore)
    mark: MemoryMark = field(default_factory=MemoryMark)
    successes: list[int] = field(default_factory=list)
    failures: list[tuple[CanaryFailure, str]] = field(default_factory=list)
    told: list[Notification] = field(default_factory=list)

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""
        self.told.append(notification)

    def succeeded(self, now: int) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self.successes.append(now)

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self.failures.append((failure, detail))

    def sign(self) -> MilterClient:
        """Connect to the sign socket."""
        known = Application("canary", frozenset({self.handler.name}), networks=(ip_network(CLIENT),))
        minting = MintingRules(FORM, KEYRING, Handlers.of([self.handler]), SignSettings(None, (), (known,)))
        serving = MintingService(minting, FixedClock(), self, lambda: "u1", self.store, self.mark)
        return MilterInProcess(lambda: Submission(lambda: serving, CLIENT))

    def verify(self) -> MilterClient:
        """Connect to the verify socket."""
        known = rules(handlers=Handlers.of([self.handler]))
        serving = replace(service(given=known), store=PassingStore(self.store), commits=None)
        return MilterInProcess(lambda: Connection(lambda: serving, CLIENT))

    def send(self, **changes: object) -> "Host":
        """Send one."""
        given: dict[str, object] = {"sign": self.sign, "verify": self.verify, "seal_keys": (SEAL_KEY,), **changes}
        send(
            WrappedCanaryService(
                self.handler, form=FORM, clock=FixedClock(), telemetry=self, unique=unique, **given
            )
        )  # type: ignore[arg-type]
        return self


def test_it_goes_out_and_comes_back() -> None:
    """It is minted for, accepted and restored; the store keeps nothing of it."""
    host = Host().send()
    assert (host.successes, host.failures) == ([NOW], [])
    assert host.store == MemoryStore()
