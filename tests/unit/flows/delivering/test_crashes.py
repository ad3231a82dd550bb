"""The hook dies between two steps of a delivery, and the MTA hands it over again: the second table of delivery.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Never
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.parking import discard, maintain_parking, release
from reply_milter.ports import UserRecord
from reply_milter.ports.delivery import Progress
from tests.support.hosts.hooked import ID, Hooked, hooked, sealed


class Died(BaseException):
    """No handler of exceptions in a flow stops it, as none stops SIGKILL."""


Arm = Callable[[Hooked, pytest.MonkeyPatch], None]


def dies(target: Callable[[Hooked], object], name: str, *, after: bool, when: object = None) -> Arm:
    """Die before or after a call of ``name``; with ``when``, only if that is among its arguments."""

    def arm(hook: Hooked, patch: pytest.MonkeyPatch) -> None:
        owner = type(target(hook))
        deed = getattr(owner, name)

        def deadly(*given: Any) -> Any:
            if when is not None and when not in given:
                return deed(*given)
            if after:
                deed(*given)
            raise Died

        patch.setattr(owner, name, deadly)

    return arm


def ledger(hook: Hooked) -> object:
    """The record."""
    return hook.service.ledger


def store(hook: Hooked) -> object:
    """Where claims are."""
    return hook.store


def handler(hook: Hooked) -> object:
    """Who takes replies."""
    return hook.deliverer


def letters(hook: Hooked) -> object:
    """Where dead letters are."""
    return hook.service.dead_letters


def parking(hook: Hooked) -> object:
    """Where parked replies are."""
    return hook.service.parking


@pytest.fixture
def hook(tmp_path: Path) -> Hooked:
    """A hook that knows an address of user 42."""
    made = hooked(tmp_path)
    made.address_book.users[42] = UserRecord(False, 0, ("jane@example.org",))
    return made


def crash(hook: Hooked, arm: Arm, step: Callable[[], object]) -> Progress:
    """Die within ``step``; what is on record then."""
    with pytest.MonkeyPatch.context() as patch:
        arm(hook, patch)
        with pytest.raises(Died):
            step()
    return hook.service.ledger.entry(ID).progress


@pytest.mark.parametrize(
    "arm,progress,handed_over",
    [
        (dies(ledger, "put", after=False, when=Progress.TRIED), Progress.NEW, 1),
        (dies(handler, "process", after=False), Progress.TRIED, 1),
        (dies(handler, "process", after=True), Progress.TRIED, 2),
        (dies(ledger, "put", after=False, when=Progress.DONE), Progress.TRIED, 2),
        (dies(ledger, "put", after=True, when=Progress.DONE), Progress.DONE, 1),
        (dies(store, "commit", after=False), Progress.DONE, 1),
        (dies(store, "commit", after=True), Progress.DONE, 1),
    ],
    ids=[
        "before TRIED",
        "before the call",
        "in the call",
        "before DONE",
        "after DONE",
        "before commit",
        "after commit",
    ],
)
def test_only_between_the_call_and_the_record_is_it_handed_over_twice(
    hook: Hooked, arm: Arm, progress: Progress, handed_over: int
) -> None:
    """Whatever happened, the next try ends with Done and a committed claim."""
    assert crash(hook, arm, lambda: deliver(hook.service, sealed())) is progress
    assert deliver(hook.service, sealed()) == Done()
    assert [reply.id for reply in hook.deliverer.replies] == [ID] * handed_over
    assert hook.service.ledger.entry(ID).progress is Progress.DONE
    assert hook.store.calls[-1] == "commit"


@pytest.mark.parametrize("second,progress", [(Never("gone"), Progress.DEAD), (Done(), Progress.DONE)])
def test_a_dead_letter_that_is_not_on_record_is_handed_over_again(
    hook: Hooked, second: DeliveryOutcome, progress: Progress
) -> None:
    """It is replaced, or left beside a delivered reply: an operator's retry then only commits, and removes it."""
    hook.deliverer.script = [Never("gone"), second, Done()]
    arm = dies(letters, "keep", after=True)
    assert crash(hook, arm, lambda: deliver(hook.service, sealed())) is Progress.TRIED
    deliver(hook.service, sealed())
    assert hook.service.ledger.entry(ID).progress is progress
    assert [letter.id for letter in hook.service.dead_letters.all()] == [ID]
    assert deliver(hook.service, sealed(), retry=True) == Done()
    assert len(hook.deliverer.replies) == (3 if progress is Progress.DEAD else 2)


def park() -> Any:
    """A reply that waits for its user."""
    return sealed(result="park", reason="sender_mismatch", sender="mismatch")


def test_what_was_parked_is_committed_and_asked_about_afterwards(hook: Hooked) -> None:
    """Dying before the question costs nothing but time."""
    arm = dies(parking, "keep", after=True)
    assert crash(hook, arm, lambda: deliver(hook.service, park())) is Progress.NEW
    assert deliver(hook.service, park()) == Done()
    assert (hook.store.calls, hook.mail_sender.sent) == (["commit"], [])
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 1


def test_a_release_is_handed_over_once(hook: Hooked) -> None:
    """Dying between the record and the removal: the next round commits and removes."""
    deliver(hook.service, park())
    (one,) = hook.service.parking.all()
    arm = dies(parking, "remove", after=False)
    assert crash(hook, arm, lambda: release(hook.service, one)) is Progress.DONE
    maintain_parking(hook.service)
    assert hook.service.parking.all() == []
    assert len(hook.deliverer.replies) == 1


def test_a_discarded_reply_that_the_mta_has_still_is_parked_again(hook: Hooked) -> None:
    """Dying between the removal and the record: it may be asked about twice, and is never delivered by that."""
    deliver(hook.service, park())
    (one,) = hook.service.parking.all()
    arm = dies(parking, "remove", after=True)
    assert crash(hook, arm, lambda: discard(hook.service, one)) is Progress.NEW
    assert deliver(hook.service, park()) == Done()
    assert len(hook.service.parking.all()) == 1
    assert hook.deliverer.replies == []
