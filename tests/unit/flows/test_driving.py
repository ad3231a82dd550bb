"""Steps are driven with a store that blocks: each request is put to it, and what comes of it goes back."""

import gc
from collections.abc import Callable

import pytest

from reply_milter.core.token.verify import Facts
from reply_milter.flows.driving import drive
from reply_milter.ports import Asking, Claim, Claimed, Consult, FactsOf, Release, Replay, StoreUnavailableError
from tests.support.fakes import MemoryStore

NAME = "tokentokentok"
CLAIM = Claim(NAME, "tagtagtagtagt", b"content", b"owner", 1000)


def asking_all() -> Asking[list[object]]:
    """Claim, give back, and ask."""
    claimed = yield CLAIM
    released = yield Release(CLAIM)
    user = yield FactsOf(42, 1, 7, NAME, False)
    pseudo_user = yield FactsOf(42, 1, 7, NAME, True)
    return [claimed, released, user, pseudo_user]


def expecting() -> Asking[str]:
    """Expect that the store is unavailable."""
    try:
        yield FactsOf(42, 1, 7, NAME, False)
    except StoreUnavailableError as error:
        return error.kind
    return "answered"


def asking_nothing() -> Asking[str]:
    """Return at once."""
    yield from ()
    return "nothing asked"


class BrokenStore(MemoryStore):
    """A store with a fault of its own."""

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """Fail as no store should."""
        raise StopIteration("a fault")


def test_each_request_gets_its_answer_in_order() -> None:
    """Claims are made, released, and facts told apart by whose they are."""
    store = MemoryStore(disabled_users={42})
    answers = drive(asking_all(), store)
    assert answers == [Claimed(Replay.FIRST), None, Facts(user_disabled=True), Facts()]
    assert store.calls == ["claim", "release", "facts", "facts"]
    assert store.tokens == {NAME: {}}


def test_steps_hear_that_the_store_is_unavailable() -> None:
    """They decide what to do about it."""
    assert drive(expecting(), MemoryStore(down=True)) == "timeout"
    assert drive(expecting(), MemoryStore()) == "answered"


def test_what_steps_do_not_expect_comes_out_of_them() -> None:
    """From their own line, so that a traceback shows what was asked."""
    with pytest.raises(StoreUnavailableError) as told:
        drive(asking_all(), MemoryStore(down=True))
    assert any(entry.name == "asking_all" for entry in told.traceback)


def test_no_fault_of_a_store_ends_steps_as_if_they_had_an_outcome() -> None:
    """StopIteration is how a generator returns."""
    with pytest.raises(RuntimeError):
        drive(expecting(), BrokenStore())


def test_a_failure_leaves_nothing_to_collect() -> None:
    """While Redis is away, each reply has one: nothing may grow until the collector comes."""
    gc.collect()
    gc.disable()
    try:
        drive(expecting(), MemoryStore(down=True))
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_others_are_consulted_too() -> None:
    """The answer is what they return, or raise; the store hears nothing of it."""

    def consulting(call: Callable[[], str]) -> Asking[str]:
        try:
            told: str = yield Consult(call)
        except KeyError:
            return "unknown"
        return told

    store = MemoryStore(down=True)
    assert drive(consulting(lambda: "known"), store) == "known"
    assert drive(consulting({}.popitem), store) == "unknown"  # type: ignore[arg-type]
    assert store.calls == []


def test_steps_that_ask_nothing_need_no_store() -> None:
    """They have an outcome at once."""
    store = MemoryStore(down=True)
    assert drive(asking_nothing(), store) == "nothing asked"
    assert store.calls == []
