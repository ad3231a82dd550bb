"""DATA: which steps are negotiated for it, and which messages end there."""

from collections.abc import Callable
from typing import Any

import Milter
import pytest

from reply_milter.adapters.libmilter import SIGN, VERIFY, MilterCallbacks
from reply_milter.adapters.libmilter.negotiation import Negotiation
from reply_milter.core.verdict.verdict import Accept
from tests.support.milter_context import MilterContext

ALL = 0x1FFFFF
EARLY, LATE = True, False


class _Conversation:
    """Notes its steps; DATA is answered with ``needed``, or raises it."""

    def __init__(self, needed: bool | Exception) -> None:
        self.steps: list[str] = []
        self._needed = needed

    def data(self) -> bool:
        """See ``ports.Conversation``."""
        self.steps.append("data")
        if isinstance(self._needed, Exception):
            raise self._needed
        return self._needed

    def body(self, _chunk: bytes) -> bool:
        """See ``ports.Conversation``."""
        raise ValueError("an accident")

    def __getattr__(self, step: str) -> Any:
        def call(*_arguments: object) -> Accept:
            self.steps.append(step)
            return Accept()

        return call


class _Counter:
    def __init__(self) -> None:
        self.ended: list[str] = []

    def stage_ended(self, stage: str) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self.ended.append(stage)

    def __getattr__(self, _name: str) -> Any:
        return lambda *_arguments: None


def _begun(
    needed: bool | Exception, early: Callable[[], bool] = lambda: True
) -> tuple[MilterCallbacks, MilterContext, _Conversation, _Counter]:
    """A door, and a message of which DATA comes next."""
    conversation, counter, ctx = _Conversation(needed), _Counter(), MilterContext()
    door = MilterCallbacks(lambda _client: conversation, VERIFY, lambda _client: counter, early)
    door._negotiate(ctx, [0x1FF, ALL, 0, 0])
    door._mail(ctx, b"<alice@client.example>")
    return door, ctx, conversation, counter


@pytest.mark.parametrize("needs", [VERIFY, SIGN], ids=["verify", "sign"])
@pytest.mark.parametrize("offered", [ALL, 0x7F, 0])
def test_a_unix_socket_declines_data_as_ever(needs: Negotiation, offered: int) -> None:
    """And an MTA is asked for nothing that it does not offer."""
    assert needs.needs.choose(offered, over_tcp=False, early=LATE) == offered & needs.needs.steps
    assert needs.needs.steps & Milter.P_NODATA


@pytest.mark.parametrize("needs", [VERIFY, SIGN], ids=["verify", "sign"])
def test_over_tcp_data_is_answered(needs: Negotiation) -> None:
    """Whatever the MTA is. So the end of the header is sent, which libmilter needs between DATA and a body."""
    chosen = needs.needs.choose(ALL, over_tcp=True, early=LATE)
    assert chosen == needs.needs.steps & ~Milter.P_NODATA & ~Milter.P_NOEOH | Milter.P_NR_EOH


@pytest.mark.parametrize("over_tcp", [True, False])
def test_with_early_acceptance_pieces_of_the_body_need_no_answer(over_tcp: bool) -> None:
    """Only replies have their body sent then, and all of it is wanted."""
    chosen = VERIFY.needs.choose(ALL, over_tcp, EARLY)
    assert not chosen & (Milter.P_NODATA | Milter.P_NOEOH | Milter.P_SKIP | Milter.P_NR_DATA)
    assert chosen & Milter.P_NR_BODY and chosen & Milter.P_NR_EOH
    unchanged = ~(Milter.P_NODATA | Milter.P_NOEOH | Milter.P_NR_EOH | Milter.P_SKIP | Milter.P_NR_BODY)
    assert chosen & unchanged == VERIFY.needs.steps & unchanged


def test_an_mta_without_data_keeps_todays_way() -> None:
    """What cannot be left out was never there."""
    offered = ALL & ~Milter.P_NODATA
    assert VERIFY.needs.choose(offered, over_tcp=False, early=EARLY) == offered & VERIFY.needs.steps


def test_what_is_not_needed_ends_at_data() -> None:
    """It is counted as a decision at the end, and the process may end: nothing more comes of it."""
    door, ctx, conversation, counter = _begun(needed=False)
    assert door._data(ctx) == Milter.ACCEPT
    assert conversation.steps[-2:] == ["data", "done"]
    assert counter.ended == ["eom"] and door.idle


def test_what_is_needed_goes_on() -> None:
    """Nothing is counted yet, and the message is still on its way."""
    door, ctx, _, counter = _begun(needed=True)
    assert door._data(ctx) == Milter.CONTINUE
    assert counter.ended == [] and not door.idle


def test_without_the_setting_nothing_is_even_asked() -> None:
    """Over TCP, or after a reload within a session."""
    door, ctx, conversation, counter = _begun(needed=False, early=lambda: False)
    assert door._data(ctx) == Milter.CONTINUE
    assert "data" not in conversation.steps and counter.ended == []


def test_an_error_at_data_is_no_acceptance(caplog: pytest.LogCaptureFixture) -> None:
    """The message goes on, and its end is deferred."""
    door, ctx, conversation, _ = _begun(needed=ValueError("an accident"))
    assert door._data(ctx) == Milter.CONTINUE
    assert conversation.steps[-1] == "mark_broken" and not door.idle
    assert "cannot decide at DATA queue=x\n" in caplog.text


def test_an_error_in_a_body_that_nobody_answers_waits_for_the_end() -> None:
    """libmilter would take any other status for the end of the message, and never answer the real one."""
    door, ctx, conversation, _ = _begun(needed=True)
    assert door._body(ctx, b"x") == Milter.NOREPLY
    assert conversation.steps[-1] == "mark_broken"
