"""The error boundary of the callbacks: an internal error defers the message and is counted at its stage."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import Milter
import pytest

from reply_milter.adapters.libmilter import SIGN, VERIFY, MilterCallbacks
from reply_milter.core.verdict.verdict import Verdict
from reply_milter.ports import Login
from tests.support.milter_context import MilterContext


class BrokenConversation:
    """Every step that may decide raises."""

    failures = 0

    def mail(self, sender: str, login: Login) -> None:
        """See ``ports.Conversation``."""

    def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str) -> Verdict:
        """See ``ports.Conversation``."""
        raise RuntimeError("rcpt")

    def data(self) -> bool:
        """See ``ports.Conversation``."""
        return True

    def header(self, name: str, value: str) -> None:
        """See ``ports.Conversation``."""

    def body(self, chunk: bytes) -> bool:
        """See ``ports.Conversation``."""
        raise RuntimeError("body")

    def mark_broken(self) -> None:
        """See ``ports.Conversation``."""

    def end_of_message(self, queue_id: str) -> Verdict:
        """See ``ports.Conversation``."""
        raise RuntimeError("end of message")

    def done(self) -> None:
        """See ``ports.Conversation``."""

    def failed(self) -> None:
        """See ``ports.Conversation``."""
        self.failures += 1

    def abort(self) -> None:
        """See ``ports.Conversation``."""


@dataclass
class CountingTelemetry:
    """Counts calls."""

    calls: Counter[str] = field(default_factory=Counter)

    def connection_opened(self) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self.calls["opened"] += 1

    def connection_closed(self) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self.calls["closed"] += 1

    def stage_started(self) -> float:
        """See ``ports.ConnectionTelemetry``."""
        self.calls["started"] += 1
        return 0.0

    def stage_resumed(self, started: float) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def stage_ended(self, name: str) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self.calls[f"ended {name}"] += 1

    def internal_error(self, name: str) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self.calls[f"accident {name}"] += 1


@pytest.mark.parametrize("needs,stages", [(VERIFY, ("rcpt", "eom")), (SIGN, ("sign_rcpt", "sign_eom"))])
def test_an_error_of_ours_is_deferred_and_counted(needs: Any, stages: tuple[str, str]) -> None:
    """At RCPT, in the body and at the end; by whoever counts for that client."""
    conversation, mine, others = BrokenConversation(), CountingTelemetry(), CountingTelemetry()
    callbacks = MilterCallbacks(
        lambda _client: conversation, needs, lambda client: mine if client == "192.0.2.1" else others
    )
    context = MilterContext()
    callbacks._negotiate(context, [0, 0, 0, 0])
    callbacks._connect(context, "client.example", 4, ("192.0.2.1", 25))
    callbacks._mail(context, b"<a@b.example>")
    statuses = [
        callbacks._rcpt(context, b"<c@d.example>"),
        callbacks._body(context, b"x"),
        callbacks._end_of_message(context),
    ]
    callbacks._close(context)
    assert statuses == [Milter.TEMPFAIL] * 3
    assert {reply[:2] for reply in context.replies} == {("451", "4.3.0")}
    rcpt, eom = stages
    assert mine.calls == {
        "opened": 1, "closed": 1, "started": 2, f"ended {rcpt}": 1, f"ended {eom}": 1,
        f"accident {rcpt}": 1, f"accident {eom}": 2,
    }  # fmt: skip
    assert not others.calls
    assert (conversation.failures, callbacks.idle) == (1, True)
