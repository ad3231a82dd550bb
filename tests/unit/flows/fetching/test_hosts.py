"""Two hosts fetch from one mailbox, with one store: each reply has one effect, whichever dies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.delivery.outcome import Later
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.flows.fetching import closing
from reply_milter.flows.service import Rules
from tests.support.fakes import MemoryStore, minted, rules
from tests.support.hosts.fetching import Fetching, MemoryTurns, reply


class Died(BaseException):
    """As by SIGKILL: the turn of the host does not end."""


def pair(folder: Path, given: Rules | None = None) -> tuple[Fetching, Fetching]:
    """Make both. They have records of their own, and share mailbox, store and application."""
    found = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        found.append(Fetching(folder / name, given or rules()))
    one, two = found
    two.mailbox, two.turns, two.store = one.mailbox, MemoryTurns("two", one.turns.shared), one.store
    two.service = replace(
        two.service,
        mailbox=one.mailbox,
        turns=two.turns,
        verifying=replace(two.service.verifying, store=one.store),
        delivering=replace(two.service.delivering, deliverers=one.service.delivering.deliverers),
    )
    return one, two


def kill(host: Fetching, at: Callable[[pytest.MonkeyPatch, Callable[..., None]], None]) -> None:
    """Let a host die while it looks; its turn goes on."""

    def die(*_given: object) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        at(patch, die)
        with pytest.raises(Died):
            host.look()
    host.turns.shared[""] = host.turns.host


def time_out(host: Fetching) -> None:
    """Half a minute after it died."""
    host.turns.shared.pop("", None)


def test_the_other_host_waits_for_its_turn(tmp_path: Path) -> None:
    """And finds nothing left."""
    one, two = pair(tmp_path)
    one.arrive()
    with one.turns.turn():
        assert not two.look()
    assert one.look() and two.look()
    assert (one.handed, two.verdicts, one.committed) == (1, [], 1)


@pytest.mark.parametrize("point", ["move", "commit_all", "forget", "close"])
def test_what_was_handed_over_is_not_handed_over_again(tmp_path: Path, point: str) -> None:
    """The host dies at this step, is silent for a while, and comes back."""
    one, two = pair(tmp_path)
    one.arrive(user=1)
    one.arrive(user=2)
    owner = {"move": type(one.mailbox), "commit_all": MemoryStore, "forget": MemoryTurns}.get(
        point, type(one.service.record)
    )

    def at(patch: pytest.MonkeyPatch, die: Callable[..., None]) -> None:
        deed = getattr(owner, point)

        def deadly(*given: object) -> object:
            if one.handed == 2:
                die()
            return deed(*given)

        patch.setattr(owner, point, deadly)

    kill(one, at)
    assert not two.look()
    time_out(one)
    assert two.look()
    assert (one.handed, one.mailbox.messages) == (2, {})
    one.look(3600)
    two.look(3600)
    assert (one.handed, one.committed, len(one.mailbox.folders["Done"])) == (2, 2, 2)
    assert (one.service.record.next_due(), two.service.record.next_due()) == (None, None)


def test_a_reply_of_a_host_that_died_before_the_hand_over(tmp_path: Path) -> None:
    """The other host takes it; the first finds it gone, though it has its seal on record."""
    one, two = pair(tmp_path)
    one.arrive()
    kill(one, lambda patch, die: patch.setattr(closing, "hand_over", die))
    time_out(one)
    two.look()
    assert (two.verdicts, one.handed) == (["delivered"], 1)
    one.look(3600)
    assert (one.handed, one.verdicts, one.service.record.next_due()) == (1, [], None)


def test_a_reply_that_stays_because_its_folder_is_full(tmp_path: Path) -> None:
    """Both hosts have it on record, and each knows that it was handed over."""
    one, two = pair(tmp_path)
    one.hook.deliverer.script = [Later("busy")]
    one.arrive()
    one.look()
    one.mailbox.full = True
    two.look()
    one.look(15)
    assert (one.handed, one.verdicts, two.verdicts) == (2, ["deferred", "deferred"], ["deferred"])
    one.mailbox.full = False
    one.look(900)
    two.look(900)
    assert (one.handed, one.verdicts[-1], one.committed, one.mailbox.messages) == (2, "delivered", 1, {})
    assert two.service.record.next_due() is None


def test_a_replay_after_the_first_host_died_before_its_commit(tmp_path: Path) -> None:
    """Its claim is still reserved, so it looks like a retry; the note says what became of it."""
    one, two = pair(tmp_path)
    answered = one.arrive()
    kill(one, lambda patch, die: patch.setattr(MemoryStore, "commit_all", die))
    time_out(one)
    one.mailbox.append(reply(answered))
    two.look()
    assert (one.handed, two.verdicts, one.committed) == (1, ["delivered"], 1)


def test_a_host_that_was_stopped_hands_nothing_over(tmp_path: Path) -> None:
    """Its turn ended meanwhile; what it has on record waits."""
    one, two = pair(tmp_path)
    one.arrive()

    def taken_away(_name: str) -> None:
        one.turns.shared[""] = "two"

    one.mailbox.before = taken_away
    one.look()
    assert (one.handed, one.verdicts, len(one.mailbox.messages)) == (0, ["deferred"], 1)
    one.mailbox.before = lambda _name: None
    time_out(two)
    two.look()
    one.look(15)
    assert (one.handed, one.committed, one.mailbox.messages) == (1, 1, {})


def test_a_user_is_asked_once_about_a_parked_reply(tmp_path: Path) -> None:
    """It is parked on the first host; the other one leaves it where it is."""
    one, two = pair(tmp_path, rules({Reason.SENDER_MISMATCH: Action.PARK}))
    one.mailbox.append(reply(minted(), author="john@example.com"))
    one.look()
    two.look()
    assert (one.verdicts, two.verdicts) == (["parked"], ["parked"])
    assert len(one.hook.service.parking.all()) == 1
    assert two.hook.service.parking.all() == []
