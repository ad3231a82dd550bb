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
class ScriptedDoor:
    """Answers as it is told; an exception is raised."""

    answers: list[str | MilterUnreachableError]
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def recipient(self, address: str) -> str:
        """See ``ports.MilterDoor``."""
        self.asked.append(address)
        answer = self.answers.pop(0)
        if isinstance(answer, MilterUnreachableError):
            raise answer
        return answer

    def close(self) -> None:
        """See ``ports.MilterDoor``."""
        self.closed = True


@dataclass
class RecordingCanaries:
    """Remembers."""

    successes: list[int] = field(default_factory=list)
    failures: list[tuple[CanaryFailure, str]] = field(default_factory=list)

    def succeeded(self, now: int) -> None:
        """See ``ports.CanaryTelemetry``."""
        self.successes.append(now)

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.CanaryTelemetry``."""
        self.failures.append((failure, detail))


def sent(door: Callable[[], MilterClient]) -> RecordingCanaries:
    """One canary to ``door``."""
    handler = canary_handler(Handlers.of([ISSUE]))
    assert handler is not None
    told = RecordingCanaries()
    send(CanaryService(handler, KEYRING, FORM, FixedClock(), told, door, lambda: 7))
    return told


def test_both_addresses_are_asked_about_and_the_door_is_closed() -> None:
    """The genuine one first, on one connection."""
    door = ScriptedDoor(["", REFUSED])
    assert sent(lambda: door).successes == [NOW]
    genuine, forged = door.asked
    assert genuine[:-12] == forged[:-12]
    assert genuine != forged
    assert door.closed


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
def test_a_dead_canary_is_told_with_its_reason(
    answers: list[str | MilterUnreachableError], failure: CanaryFailure, detail: str
) -> None:
    """The worst comes first: a forged address that was taken."""
    door = ScriptedDoor(answers)
    told = sent(lambda: door)
    assert (told.successes, told.failures) == ([], [(failure, detail)])
    assert door.closed


def test_a_door_that_nobody_opens_is_told() -> None:
    """No worker listens, or the socket is gone."""

    def nobody() -> MilterClient:
        raise MilterUnreachableError("cannot connect: Connection refused")

    assert sent(nobody).failures == [(CanaryFailure.UNREACHABLE, "cannot connect: Connection refused")]
