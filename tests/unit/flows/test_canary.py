"""What becomes of a canary: alive, or dead for one of a few reasons."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from reply_milter.core.token.canary import canary_handler
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.canary import CanaryService, send
from reply_milter.ports.canary import CanaryFailure, MilterClient, MilterUnreachableError
from tests.support.fakes import FORM, ISSUE, KEYRING, NOW, FixedClock

REFUSED = "550 5.7.1 This reply address is not valid"
LATER = "451 4.3.0 try again later"


@dataclass
class ScriptedMilter:
    """Gives the scripted answers; raises those that are exceptions."""

    answers: list[str | MilterUnreachableError]
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def recipient(self, address: str) -> str:
        """See ``ports.canary.MilterClient``."""
        self.asked.append(address)
        answer = self.answers.pop(0)
        if isinstance(answer, MilterUnreachableError):
            raise answer
        return answer

    def close(self) -> None:
        """See ``ports.canary.MilterClient``."""
        self.closed = True


@dataclass
class RecordingCanaries:
    """Keeps what was reported."""

    successes: list[int] = field(default_factory=list)
    failures: list[tuple[CanaryFailure, str]] = field(default_factory=list)

    def succeeded(self, now: int) -> None:
        """See ``ports.CanaryTelemetry``."""
        self.successes.append(now)

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.CanaryTelemetry``."""
        self.failures.append((failure, detail))


def sent(milter: Callable[[], MilterClient]) -> RecordingCanaries:
    """Send one canary to ``milter``; return what was reported."""
    handler = canary_handler(Handlers.of([ISSUE]))
    assert handler is not None
    reported = RecordingCanaries()
    send(CanaryService(handler, KEYRING, FORM, FixedClock(), reported, milter, lambda: 7))
    return reported


def test_both_addresses_are_asked_about_and_the_connection_is_closed() -> None:
    """The canary asks about the genuine address first, on one connection."""
    milter = ScriptedMilter(["", REFUSED])
    assert sent(lambda: milter).successes == [NOW]
    genuine, forged = milter.asked
    assert genuine[:-12] == forged[:-12]
    assert genuine != forged
    assert milter.closed


@pytest.mark.parametrize(
    "answers,failure,detail",
    [
        ([REFUSED, REFUSED], CanaryFailure.REFUSED, REFUSED),
        ([LATER, REFUSED], CanaryFailure.DEFERRED, LATER),
        (["", ""], CanaryFailure.FORGED_ACCEPTED, ""),
        ([REFUSED, ""], CanaryFailure.FORGED_ACCEPTED, REFUSED),
        (["", LATER], CanaryFailure.FORGED_DEFERRED, LATER),
        ([MilterUnreachableError("no answer in time")], CanaryFailure.UNREACHABLE, "no answer in time"),
        (["", MilterUnreachableError("gone")], CanaryFailure.UNREACHABLE, "gone"),
    ],
)
def test_a_dead_canary_is_reported_with_its_reason(
    answers: list[str | MilterUnreachableError], failure: CanaryFailure, detail: str
) -> None:
    """An accepted forged address is reported before any other failure."""
    milter = ScriptedMilter(answers)
    reported = sent(lambda: milter)
    assert (reported.successes, reported.failures) == ([], [(failure, detail)])
    assert milter.closed


def test_a_milter_that_cannot_be_reached_is_reported() -> None:
    """No worker listens, or the socket is gone."""

    def refused() -> MilterClient:
        raise MilterUnreachableError("cannot connect: Connection refused")

    assert sent(refused).failures == [(CanaryFailure.UNREACHABLE, "cannot connect: Connection refused")]
