"""Log lines: the form of a decision, and that none is lost when the form changes."""

import json
import logging
import os
import select
import sys
import threading
from collections.abc import Iterator
from io import StringIO

import pytest

from reply_milter.adapters.telemetry import logs
from reply_milter.adapters.telemetry.logs import DecisionLog, log_to_stderr
from reply_milter.core.verdict.reasons import Reason
from reply_milter.ports import Decision, Fate, Lack, Minting, Notification, Sight, Stage
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport

log = logging.getLogger("reply_milter.test")


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """The root logger and ours are as before afterwards."""
    logger, ours = logging.getLogger(), logging.getLogger("reply_milter")
    handlers, level, our_level = logger.handlers[:], logger.level, ours.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    ours.setLevel(our_level)


def test_a_decision_tells_what_is_behind_its_reason_and_who_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text and as JSON."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    decision = Decision(
        stage=Stage.RCPT,
        verdict=Fate.REJECT,
        reason=Reason.FORGED,
        because="user_disabled",
        client="192.0.2.1",
        queue_id="4Q1",
    )
    log_to_stderr(as_json=False, level="info")
    log.info("recipient", extra={"decision": decision})
    log_to_stderr(as_json=True, level="info")
    log.info("recipient", extra={"decision": decision})
    text, members = heard.getvalue().splitlines()
    assert text.endswith(
        "recipient queue=4Q1 verdict=reject reason=forged because=user_disabled stage=rcpt client=192.0.2.1"
    )
    assert {**json.loads(members), "because": "user_disabled", "client": "192.0.2.1"} == json.loads(members)


@pytest.mark.parametrize(
    "event,line",
    [
        (
            Notification(Minting.WRAPPED, "gitea", "abc", "4Q1", application="git", lacks=(Lack.CAPSULE,), stored=True),
            "queue=4Q1 token=abc outcome=wrapped handler=gitea application=git lacks=capsule copy=kept",
        ),
        (
            Decision(Stage.RCPT, Fate.REJECT, Reason.NATIVE, handler="gitea", road="native", sight=Sight.REFUSED),
            "verdict=reject reason=native stage=rcpt handler=gitea class=native sight=refused",
        ),
        (
            DeliveryReport(DeliveryEvent.DELIVERED, "gitea", "a" * 13 + "b" * 13, "4Q1", road="wrapped"),
            f"queue=4Q1 token={'a' * 13} id={'a' * 13}{'b' * 13} outcome=delivered handler=gitea class=wrapped",
        ),
    ],
)
def test_what_is_told_of_wrapped_applications(
    monkeypatch: pytest.MonkeyPatch, event: Decision | Notification | DeliveryReport, line: str
) -> None:
    """Class, what became of an address, and what the store holds."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log_to_stderr(as_json=False, level="info")
    log.info("told", extra={"decision": event})
    assert heard.getvalue().strip().endswith(f"told {line}")


def test_nothing_that_came_from_elsewhere_begins_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text from outside does not control a terminal: text lines replace it, JSON escapes it."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    decision = Decision(
        stage=Stage.EOM,
        verdict=Fate.ACCEPT,
        reason=Reason.OK,
        because="one\n\x1b[2Jtwo\r\u2028three",
        queue_id="4Q1\nfaked line",
    )
    for as_json in (False, True):
        log_to_stderr(as_json=as_json, level="info")
        log.info("message", extra={"decision": decision})
    text, members = heard.getvalue().removesuffix("\n").split("\n")
    assert "queue=4Q1?faked line" in text and "because=one??[2Jtwo??three" in text and text.isprintable()
    assert json.loads(members)["queue"] == "4Q1\nfaked line" and members.isascii()


def test_no_line_is_lost_while_the_form_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload in the midst of decisions: every one of them is written."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log_to_stderr(as_json=False, level="info")
    ended = threading.Event()

    def decide() -> None:
        for number in range(20_000):
            log.info("line %d", number)
        ended.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        deciding = threading.Thread(target=decide)
        deciding.start()
        while not ended.is_set():
            log_to_stderr(as_json=False, level="info")
        deciding.join()
    finally:
        sys.setswitchinterval(interval)
    assert heard.getvalue().count(": line ") == 20_000


def test_debug_is_not_for_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would log what they send and receive: addresses, answers of an application. Ours says what it decides."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log_to_stderr(as_json=False, level="debug")
    for name in ("httpcore.connection", "asyncio", "reply_milter.decision"):
        logging.getLogger(name).debug("of %s", name)
    assert [line.rpartition(": ")[2] for line in heard.getvalue().splitlines()] == ["of reply_milter.decision"]
    log_to_stderr(as_json=False, level="error")
    log.warning("unheard")
    logging.getLogger("a.plug.in").warning("unheard")
    assert "unheard" not in heard.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_holds_no_address_and_no_token(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exceptions repeat what they stumbled over; the lines of code, and the rest of what they say, stay."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log_to_stderr(as_json, "info")
    glob = "000000002a" + "b" * 48
    for said in (
        f"cannot read <reply+{glob}@reply.test>",
        f"KeyError: '{glob.upper()}'",
        "jane@example.org, twice",
    ):
        try:
            raise ValueError(said)
        except ValueError:
            log.exception("an accident")
    written = heard.getvalue()
    assert written.count("Traceback") == written.count("raise ValueError(said)") == 3
    assert "cannot read <(address)>" in written and "'(token)'" in written and "(address), twice" in written
    assert glob not in written.lower() and "@" not in written


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_holds_no_secret_of_an_application(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is quoted or folded in what an exception says; the rest of the field stays."""
    heard = StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    log_to_stderr(as_json, "info")
    field = "handler=issue; key = hunter2-hunter2\r\n\thunter2; user=42"
    for said in (repr(field), repr([field.encode()]), field.replace("\r\n\t", ""), "key=hunter2"):
        try:
            raise ValueError(said)
        except ValueError:
            log.exception("an accident")
    written = heard.getvalue()
    assert written.count("Traceback") == written.count("(secret)") == 4
    assert written.count("user=42") == 3 and "hunter2" not in written


def test_lines_that_are_kept_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, in writes of whole lines that a pipe takes at once; one that is longer stays a line."""
    reading, writing = os.pipe()
    monkeypatch.setattr(logs, "_STANDARD_ERROR", writing)
    log_to_stderr(as_json=False, level="info")
    writes: list[bytes] = []
    real = os.write

    def write(where: int, octets: bytes) -> int:
        writes.append(octets)
        return real(where, octets)

    monkeypatch.setattr(os, "write", write)
    kept = DecisionLog("reply_milter.test", holds=True)
    for number in range(60):
        queue_id = f"4Q{number}" + "x" * (5000 if number == 30 else 0)
        kept.write(logging.INFO, "message", Decision(Stage.EOM, Fate.ACCEPT, Reason.OK, queue_id=queue_id), 1.0)
    assert writes == []
    kept.flush()
    kept.flush()
    os.close(writing)
    with open(reading, encoding="utf-8") as heard:
        lines = heard.read().splitlines()
    assert [line.partition("queue=4Q")[2].partition(" ")[0].rstrip("x") for line in lines] == [*map(str, range(60))]
    assert 1 < len(writes) < 10
    assert all(one.endswith(b"\n") and (len(one) <= select.PIPE_BUF or one.count(b"\n") == 1) for one in writes)


def test_a_line_that_is_not_kept_is_written_before_the_call_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker with many threads answers then."""
    writes: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda _where, octets: writes.append(octets))
    DecisionLog("reply_milter.decision").write(
        logging.ERROR, "message", Decision(Stage.EOM, Fate.ACCEPT, Reason.OK), 1.0
    )
    assert len(writes) == 1
