"""The wrapped canary against the flows themselves, and what is reported where one of them does the wrong thing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from itertools import count

import pytest

from reply_milter.config.sign import SignSettings
from reply_milter.core.mail.edited import HeaderFields
from reply_milter.core.notification.application import Application
from reply_milter.core.token.canary import canary_handler
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping.canary import wrapped_canary_handler
from reply_milter.core.wrapping.restore import Restored, Restoring, restore
from reply_milter.flows.service import MintingRules, MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.flows.verifying.passing_store import PassingStore
from reply_milter.flows.wrapped_canary import WrappedCanaryService, send
from reply_milter.ports import Decision, Minting, Notification
from reply_milter.ports.canary import CanaryFailure, MessageClient, MilterUnreachableError, Submitted
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
    natives: list[Decision] = field(default_factory=list)

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""
        self.told.append(notification)

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""
        self.natives.append(decision)

    def succeeded(self, now: int) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self.successes.append(now)

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self.failures.append((failure, detail))

    def sign(self) -> MessageClient:
        """Connect to the sign socket."""
        known = Application("canary", frozenset({self.handler.name}), networks=(ip_network(CLIENT),))
        minting = MintingRules(FORM, KEYRING, Handlers.of([self.handler]), SignSettings(None, (), (known,)))
        serving = MintingService(minting, FixedClock(), self, lambda: "u1", self.store, self.mark)
        return MilterInProcess(lambda: Submission(lambda: serving, CLIENT))

    def verify(self) -> MessageClient:
        """Connect to the verify socket."""
        known = rules(handlers=Handlers.of([self.handler]))
        serving = replace(service(given=known), store=PassingStore(self.store), commits=None)
        return MilterInProcess(lambda: Connection(lambda: serving, CLIENT))

    def send(self, **changes: object) -> "Host":
        """Send one."""
        given: dict[str, object] = {"sign": self.sign, "verify": self.verify, "seal_keys": (SEAL_KEY,), **changes}
        send(WrappedCanaryService(self.handler, form=FORM, clock=FixedClock(), telemetry=self, unique=unique, **given))  # type: ignore[arg-type]
        return self


@dataclass
class Between:
    """Stands between the canary and a socket, and gives another answer. ``closed``: whether the canary has hung up."""

    real: MessageClient
    change: Callable[[Submitted], Submitted]
    closed: bool = False

    def message(self, sender: str, recipient: str, fields: HeaderFields, body: bytes) -> Submitted:
        """See ``ports.canary.MessageClient``."""
        return self.change(self.real.message(sender, recipient, fields, body))

    def close(self) -> None:
        """See ``ports.canary.MessageClient``."""
        self.closed = True


def refused(text: str) -> Callable[[Submitted], Submitted]:
    """The milter refuses."""
    return lambda _: Submitted(text)


def unreachable(_: Submitted) -> Submitted:
    """The milter hangs."""
    raise MilterUnreachableError("no answer in time")


def unedited(_: Submitted) -> Submitted:
    """The milter accepts, and does nothing."""
    return Submitted("")


def test_it_goes_out_and_comes_back() -> None:
    """It is minted for, accepted and restored; what was taken in the store is given back, and no copy is kept."""
    host = Host().send()
    assert (host.successes, host.failures) == ([NOW], [])
    assert host.store.calls == ["facts", "claim", "release"]
    assert host.store.originals == {} and not any(host.store.tokens.values())
    assert [told.outcome for told in host.told] == [Minting.WRAPPED]


@pytest.mark.parametrize(
    "socket,change,failure,detail",
    [
        ("sign", refused("550 5.6.0 no"), CanaryFailure.NOT_WRAPPED, "550 5.6.0 no"),
        ("sign", refused("451 4.3.0 later"), CanaryFailure.DEFERRED, "451 4.3.0 later"),
        ("sign", unedited, CanaryFailure.NOT_WRAPPED, "the notification left with the application's own address"),
        ("sign", unreachable, CanaryFailure.UNREACHABLE, "sign: no answer in time"),
        ("verify", refused("550 5.7.1 no"), CanaryFailure.REFUSED, "550 5.7.1 no"),
        ("verify", refused("451 4.3.0 later"), CanaryFailure.DEFERRED, "451 4.3.0 later"),
        ("verify", unedited, CanaryFailure.NOT_RESTORED, "seal_missing"),
        ("verify", unreachable, CanaryFailure.UNREACHABLE, "verify: no answer in time"),
    ],
)
def test_what_is_wrong_is_told(
    socket: str, change: Callable[[Submitted], Submitted], failure: CanaryFailure, detail: str
) -> None:
    """By the step at which it failed; connections are closed in any case."""
    host = Host()
    client = Between(getattr(host, socket)(), change)
    host.send(**{socket: lambda: client})
    assert (host.successes, host.failures, client.closed) == ([], [(failure, detail)], True)


def test_an_answer_to_nothing_is_refused() -> None:
    """Where the capsule was lost on the way out, the verify socket refuses: the address alone is not enough."""

    def without_capsule(left: Submitted) -> Submitted:
        return left._replace(edits=tuple(edit for edit in left.edits if "References" not in getattr(edit, "name", "")))

    host = Host()
    host.send(sign=lambda: Between(host.sign(), without_capsule))
    ((failure, detail),) = host.failures
    assert failure is CanaryFailure.REFUSED and "Answer the notification" in detail


def test_another_seal_key_is_noticed() -> None:
    """A hook with other seal keys would make dead letters of all replies."""
    assert Host().send(seal_keys=(b"x" * 32,)).failures == [(CanaryFailure.NOT_RESTORED, "seal_broken")]


def test_a_restored_message_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if restoring left one of our addresses in the header, or changed the body."""
    for old, new in ((b"\r\n\r\n", b"\r\nX-To: ADDRESS\r\n\r\n"), (b"answers", b"sings"), (b"canary+", b"other+")):

        def other(message: bytes, restoring: Restoring, old: bytes = old, new: bytes = new) -> Restored:
            restored = restore(message, restoring)
            assert isinstance(restored, Restored)
            return replace(
                restored, message=restored.message.replace(old, new.replace(b"ADDRESS", _minted(message)), 1)
            )

        monkeypatch.setattr("reply_milter.flows.wrapped_canary.restore", other)
        assert Host().send().failures == [(CanaryFailure.NOT_RESTORED, "the restored message is another one")]


def _minted(message: bytes) -> bytes:
    """The address of ours that a reply came to."""
    return message.partition(b"To: <")[2].partition(b">")[0]


def test_it_is_sent_only_where_something_is_wrapped() -> None:
    """And by a number that no handler has, nor the other canary."""
    assert wrapped_canary_handler(Handlers.of([ISSUE])) is None
    known = Handlers.of([ISSUE, handler_of("gitea")])
    plain, wrapped = canary_handler(known), wrapped_canary_handler(known)
    assert plain and wrapped and len({plain.id, wrapped.id, *known.by_id}) == 4
