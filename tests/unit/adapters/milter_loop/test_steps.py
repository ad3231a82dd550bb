"""The error boundary of the loop's steps: what libmilter's callbacks make of an accident, they make of it, too."""

import logging
import struct
from collections import Counter
from itertools import product
from typing import Any

import Milter
import pytest

from reply_milter.adapters.libmilter import VERIFY, MilterCallbacks
from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.session import Session
from reply_milter.core.milter_protocol.options import Step
from reply_milter.core.milter_protocol.packets import packet
from reply_milter.core.verdict.answer import SmtpReply
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Reject, Verdict
from tests.support.failing_conversation import FailingConversation
from tests.support.milter_context import MilterContext

ALL, CLIENT = 0x1FFFFF, "192.0.2.1"
FAILING = ("", "mail", "rcpt", "data", "header", "body", "end_of_message", "done", "abort")
_LETTERS = {
    Milter.CONTINUE: b"c", Milter.TEMPFAIL: b"y", Milter.SKIP: b"s", Milter.NOREPLY: b"", Milter.ACCEPT: b"a",
}  # fmt: skip


class _Counts:
    """Implements ``ports.ConnectionTelemetry``: how often each was told."""

    def __init__(self) -> None:
        self.told: Counter[tuple[object, ...]] = Counter()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> float | None:
            if name != "stage_resumed":
                self.told[name, *arguments] += 1
            return 0.0 if name == "stage_started" else None

        return call


def _by_callbacks(conversation: FailingConversation, counts: _Counts, offered: int, early: bool) -> bytes:
    """Return the letters of what the MTA hears of a message and an abort, and go."""
    callbacks = MilterCallbacks(lambda _client: conversation, VERIFY, lambda _client: counts, lambda: early)
    ctx, options = MilterContext(), [0x1FF, offered, 0, 0]
    callbacks._negotiate(ctx, options)
    steps = [
        callbacks._connect(ctx, "client.example", 4, (CLIENT, 25)),
        callbacks._mail(ctx, b"<alice@client.example>"),
        callbacks._rcpt(ctx, b"<bob@example.com>"),
        *([] if options[1] & Step.NO_DATA else [callbacks._data(ctx)]),
        callbacks._header(ctx, "From", b"alice@client.example"),
        *([] if options[1] & Step.NO_END_OF_HEADER else [callbacks._end_of_header(ctx)]),
    ]
    body = callbacks._body(ctx, b"hello")
    if body == Milter.TEMPFAIL:
        callbacks._abort(ctx)
    else:
        steps += [body, callbacks._end_of_message(ctx)]
    heard = b"".join(_LETTERS[step] for step in steps) + (b"y" if body == Milter.TEMPFAIL else b"")
    callbacks._abort(ctx)
    assert callbacks.idle
    callbacks._close(ctx)
    return heard


def _by_steps(conversation: FailingConversation, counts: _Counts, offered: int, early: bool) -> bytes:
    session = Session(Hooks(lambda _client: conversation, lambda _client: counts, lambda: early, False), lambda: False)
    queue = packet(b"D", b"Mi\0x\0")
    session.take(packet(b"O", struct.pack("!III", 6, 0x1FF, offered)))
    session.take(packet(b"C", b"client.example\x004\0\x19192.0.2.1\0") + queue + packet(b"M", b"<a@b>\0"))
    session.take(packet(b"R", b"<bob@example.com>\0"))
    if not session.steps.chosen & Step.NO_DATA:
        session.take(packet(b"T"))
    session.take(packet(b"L", b"From\0alice@client.example\0"))
    if not session.steps.chosen & Step.NO_END_OF_HEADER:
        session.take(packet(b"N"))
    session.take(packet(b"B", b"hello"))
    session.take(packet(b"A") if session.steps.answers[-1][4:5] == b"y" and conversation.failing == "body" else b"")
    session.take(packet(b"E") + packet(b"A"))
    heard = b"".join(one[4:5] for one in session.steps.answers[1:])
    session.close()
    assert not session.steps.in_message
    return heard


# ``data`` is a question without an effect: the loop asks it at the first field, too, where nobody ends messages early.
CASES = [
    pytest.param(failing, offered, early, id=f"{failing}-{steps}-{when}")
    for failing, (offered, steps), (early, when) in product(
        FAILING, ((ALL, "all steps"), (0, "none")), ((False, "late"), (True, "early"))
    )
    if early or failing != "data"
]


@pytest.mark.parametrize(("failing", "offered", "early"), CASES)
def test_an_accident_is_answered_counted_and_logged_as_by_libmilters_callbacks(
    failing: str, offered: int, early: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """In each step, whether the MTA waits for its answer or not; each 451 of ours counts once."""
    found = []
    for play in (_by_callbacks, _by_steps):
        caplog.clear()
        conversation, counts = FailingConversation(failing), _Counts()
        with caplog.at_level(logging.ERROR):
            heard = play(conversation, counts, offered, early)
        lines = Counter(record.getMessage() for record in caplog.records if record.exc_info)
        internal = sum(number for told, number in counts.told.items() if told[0] == "internal_error")
        assert internal == heard.count(b"y")
        found.append((heard, counts.told, set(lines), set(conversation.steps) - {"abort", "data"}))
    assert found[1] == found[0]


class _Unwritable(FailingConversation):
    """Gives an answer at RCPT that no packet can hold."""

    def rcpt(self, *_arguments: object) -> Verdict:
        return Reject(Reason.MALFORMED, SmtpReply("550", "5.7.1", "a\0b"))


def test_an_answer_that_cannot_be_written_is_a_deferral(caplog: pytest.LogCaptureFixture) -> None:
    """Of that recipient alone: the connection goes on."""
    counts = _Counts()
    heard = _by_steps(_Unwritable(), counts, ALL, False)
    assert heard == b"y" + b"c" * 2
    assert counts.told["internal_error", "rcpt"] == 1
    assert "cannot decide at RCPT queue=x" in caplog.text and "a NUL in a text" in caplog.text
