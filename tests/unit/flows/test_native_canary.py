"""The native canary against the flow itself: an address of a known user is verified, and a forged one is refused."""

from dataclasses import dataclass, field, replace

import pytest

from reply_milter.core.native import canary
from reply_milter.core.native.forms import FORMS, Named, is_genuine, reading_of
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import CanaryUser, LinesFile, Verification
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping.pattern import parse
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.wrap import Wrap
from reply_milter.flows.native_canary import NativeCanaryService, native_canaries, send
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import SourceUnavailableError
from reply_milter.ports.canary import CanaryFailure, MilterClient, MilterUnreachableError
from tests.support.fakes import NOW, FixedClock, MemoryStore, rules, service
from tests.support.milter_in_process import MilterInProcess

SECRET, DATA_KEY = "77f3fb1de115523da4d552f6127ed9a2", "22a63138ce10fd4fad9ce25a77dc7572"
USERS = {"gitea": CanaryUser(42), "forgejo": CanaryUser(42), "moodle": CanaryUser(42, 1, 7)}
KNOWN = Known(SECRET, ("jane@example.net",), data_secret=DATA_KEY)


def handler(name: str, number: int = 20, user: CanaryUser | None = None) -> Handler:
    """One that verifies addresses of this application, in observe mode."""
    how = Verification(FORMS[name], LinesFile("/nowhere"), user or USERS[name])
    pattern = parse(f"incoming+{{key}}@{name}.example.com", PRESETS[name].key, PRESETS[name].case_matters)
    wrap = Wrap(PRESETS[name], pattern, frozenset(), verification=how, outward=False)
    return Handler(number, name, ContextKind.WRAPPED, 90, True, "", Policy(observe=True), wrap=wrap)


@dataclass
class Host:
    """A verify socket whose users are ``known`` to the canary, and ``workers_know`` to the workers."""

    handlers: tuple[Handler, ...]
    known_to_canary: Known | None = KNOWN
    workers_know: Known | None = KNOWN
    answers: bool = True
    asked: list[str] = field(default_factory=list)
    successes: list[int] = field(default_factory=list)
    failures: list[tuple[CanaryFailure, str]] = field(default_factory=list)

    def known(self, handler_id: int, named: Named) -> Known | None:
        """See ``ports.NativeSources``."""
        if not self.answers:
            raise SourceUnavailableError("the file can't be read")
        assert (named.user, named.handler, named.data)[:1] == (42,)
        return self.known_to_canary

    def succeeded(self, now: int) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self.successes.append(now)

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self.failures.append((failure, detail))

    def recipient(self, address: str) -> str:
        """See ``ports.canary.MilterClient``."""
        self.asked.append(address)
        return MilterInProcess(lambda: Connection(self._serving, "fd00::1")).recipient(address)

    def close(self) -> None:
        """See ``ports.canary.MilterClient``."""

    def _serving(self) -> Service:
        enforced = Handlers.of([replace(one, policy=Policy()) for one in self.handlers])
        given = service(MemoryStore(), replace(rules(), handlers=enforced))
        return replace(given, natives=_Workers(self.workers_know), commits=None)

    def send(self) -> "Host":
        """Send one."""
        connect = lambda: self  # noqa: E731
        send(NativeCanaryService(self.handlers, self, FixedClock(), self, connect))
        return self


@dataclass
class _Workers:
    users: Known | None

    def known(self, handler_id: int, named: Named) -> Known | None:
        """See ``ports.NativeSources``."""
        return self.users if (named.user, named.handler, named.data) in ((42, 0, 0), (42, 1, 7)) else None


@pytest.mark.parametrize("name", list(USERS))
def test_a_genuine_address_is_verified_and_a_forged_one_is_not(name: str) -> None:
    """Both are of the same user, and differ in the MAC alone."""
    host = Host((handler(name),)).send()
    assert (host.successes, host.failures) == ([NOW], [])
    readings = [reading_of(FORMS[name], one.partition("+")[2].rpartition("@")[0]) for one in host.asked]
    assert [one.is_canonical for one in readings] == [True, True]
    assert [is_genuine(one, KNOWN) for one in readings] == [True, False]
    assert {one.named.user for one in readings} == {42}


@pytest.mark.parametrize("name", list(USERS))
def test_workers_with_another_secret_are_noticed(name: str) -> None:
    """As where one of them reads another file, or missed a change."""
    other = replace(KNOWN, secret=SECRET[::-1])
    ((failure, detail),) = Host((handler(name),), workers_know=other).send().failures
    assert failure is CanaryFailure.REFUSED
    assert detail == f"handler={name} 550 5.7.1 This reply address is not valid"
    ((failure, _),) = Host((handler(name),), workers_know=None).send().failures
    assert failure is CanaryFailure.REFUSED


def test_a_milter_that_takes_anything_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A false token of the canary must be refused."""
    monkeypatch.setattr(Host, "recipient", lambda _self, _address: "")
    ((failure, _),) = Host((handler("gitea"),)).send().failures
    assert failure is CanaryFailure.FORGED_ACCEPTED


@pytest.mark.parametrize(
    "known,words",
    [
        (None, "the canary's user 42 is unknown to its source"),
        (replace(KNOWN, disabled=True), "the canary's user 42 is disabled"),
        (replace(KNOWN, data_disabled=True), "the canary's user 42 is disabled"),
    ],
)
def test_a_source_that_does_not_know_the_user_is_told(known: Known | None, words: str) -> None:
    """An export that lost its users would refuse everybody's replies."""
    host = Host((handler("gitea"),), known_to_canary=known).send()
    assert host.failures == [(CanaryFailure.SOURCE, f"handler=gitea {words}")] and host.asked == []


def test_a_source_without_an_answer_is_told() -> None:
    """And so is a milter that nobody reaches."""
    assert Host((handler("gitea"),), answers=False).send().failures == [
        (CanaryFailure.SOURCE, "handler=gitea the file can't be read")
    ]

    def unreachable() -> MilterClient:
        raise MilterUnreachableError("cannot connect")

    host = Host((handler("gitea"),))
    send(NativeCanaryService(host.handlers, host, FixedClock(), host, unreachable))
    assert host.failures == [(CanaryFailure.UNREACHABLE, "handler=gitea cannot connect")]


def test_of_several_the_first_failure_counts() -> None:
    """One success for all, so that one alert tells of any of them."""
    both = (handler("gitea"), handler("moodle", 21))
    host = Host(both).send()
    assert host.successes == [NOW] and len(host.asked) == 4
    host = Host(both, workers_know=None).send()
    assert [failure for failure, _ in host.failures] == [CanaryFailure.REFUSED] and host.successes == []


def test_no_secret_is_told() -> None:
    """Not in what is logged of a failure, and not in an address of Gitea's."""
    for name in USERS:
        host = Host((handler(name),), workers_know=None).send()
        assert SECRET not in str(host.failures) and SECRET not in str(host.asked)
        key = host.asked[0].partition("+")[2].rpartition("@")[0]
        assert key not in str(host.failures)


def test_its_keys_of_gitea_end_within_minutes_and_do_nothing() -> None:
    """Their purpose is neither a reply nor an unsubscription."""
    keys = canary.keys(FORMS["gitea"], USERS["gitea"], KNOWN, NOW)
    named = reading_of(FORMS["gitea"], keys.genuine).named
    assert named.last_second is not None and NOW < named.last_second <= NOW + 600


def test_only_handlers_that_name_a_user_have_one() -> None:
    """The others are verified all the same."""
    with_one = handler("gitea")
    assert with_one.wrap is not None and with_one.wrap.verification is not None
    without = replace(with_one.wrap, verification=replace(with_one.wrap.verification, canary=None))
    assert native_canaries(Handlers.of([with_one])) == (with_one,)
    assert native_canaries(Handlers.of([replace(with_one, wrap=without)])) == ()
