"""Log lines read back, in each form in which they are kept: what was written is what is read."""

import json
import logging

import pytest

from reply_milter.adapters.telemetry.log_lines import LONGEST, read_line
from reply_milter.adapters.telemetry.logs import _fields, _Formatter
from reply_milter.core.verdict.reasons import Reason
from reply_milter.ports import Decision, Fate, Minting, Notification, Stage
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport

UNIX = 1767225600.0
HOSTILE = 'x"]: message queue=AAAA verdict=accept \\ {"event": "message"} = \n'
EVENTS = [
    ("recipient", Decision(Stage.RCPT, Fate.REJECT, Reason.FORGED, because="checksum", client="192.0.2.1")),
    ("message", Decision(Stage.EOM, Fate.ACCEPT, Reason.OK, handler="issue", token_id="a" * 13, queue_id="4Q1")),
    ("notification", Notification(Minting.REFUSED, "issue", queue_id="4Q2", problem=HOSTILE)),
    ("delivery", DeliveryReport(DeliveryEvent.DEFERRED, "issue", "a" * 26, "4Q1", why=HOSTILE)),
]


@pytest.mark.parametrize("event,told", EVENTS, ids=[name for name, _ in EVENTS])
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("to_journal", [False, True])
@pytest.mark.parametrize("before", ["", "Jan  1 00:00:00 mx reply-milter[7]: "])
def test_what_was_written_is_read(event: str, told: object, as_json: bool, to_journal: bool, before: str) -> None:
    """As text and as JSON; with our head, with the journal's priority, and behind a head of syslog's."""
    fields = [*_fields(told), ("ms", "0.50")]  # type: ignore[arg-type]
    written = _Formatter(as_json, to_journal).line(UNIX, logging.INFO, event, fields)
    if before:
        written = before + (written[3:] if to_journal else written if as_json else written.split("]: ", 1)[-1])
    found = read_line(f"{written}\n")
    assert found.event == event
    expected = {name: value for name, value in fields if value}
    for name in ("problem", "why"):
        if name in expected:
            expected[name] = HOSTILE
    assert {name: found.fields[name] for name in expected} == expected
    if not before:
        assert found.unix == (None if to_journal else UNIX)
    assert read_line(written, 5.0).unix == 5.0


@pytest.mark.parametrize(
    "line",
    [
        "", "\n", "recipient", "recipients queue=4Q1", "{", "[" * 9000, '{"event": 1}', '{"event": "message"', "null",
        "2026-01-01T00:00:00Z warning reply-milter[7]: a reply is not committed: id=abc",
        "Traceback (most recent call last):", "x" * (2 * LONGEST),
    ],
)  # fmt: skip
def test_any_other_line_reports_no_decision(line: str) -> None:
    """And breaks nothing."""
    assert (read_line(line).event, dict(read_line(line).fields)) == ("", {})


def test_a_line_of_words_names_what_is_in_it() -> None:
    """Whole words only; a decision names what its fields are."""
    line = read_line("2026-01-01T00:00:00Z warning reply-milter[7]: a reply is not committed: id=abcd, 3 wait")
    assert line.unix == UNIX
    assert line.names("abcd") and not line.names("abc")
    decision = read_line("message queue=4Q1 token=abcd verdict=accept reason=ok handler=issue")
    assert decision.names("4Q1") and decision.names("abcd")
    assert not decision.names("issue") and not decision.names("4Q")


def test_words_of_a_value_are_no_fields() -> None:
    """What an application's server says can't change the verdict that an operator reads."""
    line = read_line('delivery id=abc outcome=deferred why="no outcome=delivered id=other" ms=1.00')
    assert line.fields == {
        "id": "abc", "outcome": "deferred", "why": "no outcome=delivered id=other", "ms": "1.00"
    }  # fmt: skip


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z"])
def test_a_time_that_is_none_in_utc_is_unknown(time: str) -> None:
    """Commands show times in UTC; a line of somebody else's must not end them."""
    assert read_line(f"{time} info reply-milter[7]: message queue=4Q1").unix is None
    assert read_line(json.dumps({"event": "message", "time": time})).unix is None
