"""The page of ``top``: what stands on it, that it fits, and that no line of a log does anything to the terminal."""

from itertools import pairwise

import pytest

from reply_milter.adapters.telemetry.log_lines import read_line
from reply_milter.adapters.telemetry.page_reader import Samples
from reply_milter.cli.terminal import Terminal
from reply_milter.cli.top.look import Look, Window, look_of
from reply_milter.cli.top.page import Page, is_decision
from reply_milter.cli.top.state import State, silent, state_of

NOW = 1767225600
METRICS = """\
reply_milter_build_info{version="1.2"} 1
reply_milter_enforcing 1
reply_milter_redis_up{server="a"} 1
reply_milter_redis_memory_used_bytes{server="a"} 1234567
reply_milter_canary_last_success_timestamp_seconds 1767225588
reply_milter_canary_interval_seconds 60
reply_milter_parked 2
reply_milter_parked_bytes 12000
reply_milter_connections 3
reply_milter_process_up{process="worker 0"} 1
reply_milter_process_up{process="hook"} 0
reply_milter_process_restarts_total{process="hook"} 4
reply_milter_recipients_total{verdict="accept",reason="ok"} 90
reply_milter_recipients_total{verdict="reject",reason="forged"} 30
reply_milter_recipients_total{verdict="would_reject",reason="expired"} 5
reply_milter_messages_total{verdict="accept",reason="ok",handler="issue"} 80
reply_milter_messages_total{verdict="reject",reason="thread_absent",handler="issue"} 7
reply_milter_messages_total{verdict="dropped",reason="bounce",handler="issue"} 1
reply_milter_notifications_total{outcome="minted"} 11
reply_milter_notifications_total{outcome="wrapped"} 2
reply_milter_notifications_total{outcome="ignored"} 100
reply_milter_deliveries_total{handler="issue",outcome="delivered"} 70
reply_milter_dead_letters_total{reason="refused"} 1
reply_milter_internal_errors_total{stage="eom"} 0
"""
LINES = [
    "recipient verdict=reject reason=forged because=checksum stage=rcpt client=192.0.2.1 ms=0.2",
    "message queue=4Q1 token=abcdefgh23456 verdict=accept reason=ok stage=eom handler=issue ms=1.0",
    "message queue=4Q2 token=abcdefgh23456 verdict=accept reason=bounce would=reject stage=eom handler=issue ms=1.0",
    "notification queue=4Q3 outcome=minted handler=issue ms=1.0",
]


def window(*looks: Look) -> Window:
    """Looks, the oldest first."""
    found = Window()
    for look in looks:
        found.add(look)
    return found


def shown(width: int = 120, rows: int = 40, lines: list[str] | None = None, state: State | None = None) -> list[str]:
    """The page after one look."""
    samples = Samples(METRICS)
    read = [read_line(line, NOW) for line in (LINES if lines is None else lines)]
    page = Page(state or state_of(samples, [], NOW), window(look_of(samples, 0.0)), read, "no decision yet", NOW)
    return page.drawn(Terminal(width), rows)


def test_the_state_is_on_top() -> None:
    """Version and mode, readiness, store, canary, parked, processes."""
    title, ready, facts, *_ = shown()
    assert title == "reply-milter 1.2  enforce mode  00:00:00 UTC"
    assert ready == "ready"
    assert facts == (
        "store up 1 MB   canary 12 s ago   parked 2 (12 kB)   connections 3   processes 1 of 2, 4 restarts"
    )


def test_a_decision_is_counted_once() -> None:
    """At RCPT what is refused there; what RCPT accepts is decided at the end."""
    look = look_of(Samples(METRICS), 0.0)
    assert look.verdicts == {"accept": 80, "reject": 37, "dropped": 1, "defer": 0}
    assert look.reasons == {"ok": 80, "thread_absent": 7, "bounce": 1, "forged": 30}
    assert look.others == {"minted": 13, "delivered": 70, "dead letters": 1, "errors": 0}


def test_counts_and_reasons_are_shown() -> None:
    """In columns; without a second look there are no rates."""
    page = shown()
    heads, counts = next((one, two) for one, two in pairwise(page) if "discard" in one)
    table = dict(zip(heads.replace("dead letters", "dead_letters").split(), counts.split()[2:], strict=True))
    assert table["reject"] == "37" and table["dropped"] == "1" and table["minted"] == "13"
    assert "per minute" not in "\n".join(page)
    assert "reasons      forged 30, thread_absent 7, bounce 1 since start" in page


def test_a_decision_is_a_line_with_its_reason() -> None:
    """By queue id; in observe mode, in brackets, what enforce mode would do."""
    first, second, third, fourth = shown()[-4:]
    assert first.split() == ["00:00:00", "-", "rcpt", "reject", "forged:", "checksum", "192.0.2.1"]
    assert second.split() == ["00:00:00", "4Q1", "message", "accept", "ok", "issue", "abcdefgh23456"]
    assert "(reject)" in third
    assert fourth.split()[1:4] == ["4Q3", "notify", "minted"]


@pytest.mark.parametrize("width", [40, 80, 120, 300])
@pytest.mark.parametrize("rows", [3, 10, 24])
def test_it_fits_the_terminal(width: int, rows: int) -> None:
    """The newest decisions fill what is left."""
    page = shown(width, rows, LINES * 50)
    assert len(page) <= rows
    assert max(map(len, page)) <= width


def test_no_line_of_a_log_does_anything_to_the_terminal() -> None:
    """A queue id of another MTA, a plug-in's words."""
    page = shown(lines=["message queue=\x1b[2J\u202e\u65e5 verdict=re\x07ject reason=x\x9b handler=\x1b]0;t ms=1"])
    assert all(line.isprintable() and line.isascii() for line in page)


def test_without_decisions_it_says_why() -> None:
    """Where they would stand."""
    assert shown(lines=[])[-1] == "no decision yet"


def test_a_daemon_that_does_not_answer_is_the_first_thing_to_see() -> None:
    """And no counts that are none."""
    page = Page(silent("127.0.0.1:9797: nothing listens there"), None, [], "", NOW).drawn(Terminal(120, True), 40)
    assert page[1] == "\x1b[31mNOT READY  127.0.0.1:9797: nothing listens there\x1b[0m"
    assert "since start" not in "\n".join(page)


@pytest.mark.parametrize(
    "change,words",
    [
        (("_seconds 1767225588", "_seconds 1767225000"), "canary LATE, 600 s ago"),
        (("_seconds 1767225588", "_seconds 0"), "canary NEVER SUCCEEDED"),
        (("interval_seconds 60", "interval_seconds 0"), "canary off"),
        (('redis_up{server="a"} 1', 'redis_up{server="a"} 0'), "store DOWN"),
        (("enforcing 1", "enforcing 0"), "OBSERVE MODE"),
    ],
)
def test_trouble_is_in_capitals(change: tuple[str, str], words: str) -> None:
    """So that it shows without colours."""
    state = state_of(Samples(METRICS.replace(*change)), [], NOW)
    assert words in "\n".join(shown(state=state))


def test_rates_are_those_of_the_last_minute() -> None:
    """Per minute, also after ten seconds; what is older does not count."""
    early = window(Look(0.0, {"accept": 10}), Look(10.0, {"accept": 15}))
    assert early.per_minute("verdicts") == {"accept": 30.0}
    looks = [Look(float(at), {"accept": 1000.0 if at else 0.0}) for at in range(0, 200, 2)]
    assert window(*looks).per_minute("verdicts") == {"accept": 0.0}
    assert window(Look(5.0, {"accept": 5})).per_minute("verdicts") == {}


def test_a_restarted_daemon_begins_anew() -> None:
    """No rate below zero."""
    again = window(Look(0.0, {"accept": 100}), Look(2.0, {"accept": 1}), Look(4.0, {"accept": 3}))
    assert again.per_minute("verdicts") == {"accept": 60.0}


@pytest.mark.parametrize(
    "line,wanted",
    [
        ("recipient verdict=accept reason=ok stage=rcpt", False),
        ("recipient verdict=accept reason=forged would=reject stage=rcpt", True),
        ("recipient verdict=reject reason=forged stage=rcpt", True),
        ("message verdict=accept reason=ok stage=eom", True),
        ("started worker verifier-0, process 8", False),
    ],
)
def test_what_is_a_decision(line: str, wanted: bool) -> None:
    """What RCPT merely accepts is not: its message has a line of its own."""
    assert is_decision(read_line(line)) is wanted
