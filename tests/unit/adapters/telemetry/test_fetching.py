"""What a fetcher logs: a line per message that one can look up, and trouble once."""

import logging

import pytest

from reply_milter.adapters.telemetry import DecisionsLogged, FetchLog
from reply_milter.adapters.telemetry.log_lines import read_line
from reply_milter.core.fetching.outcome import FetchVerdict, Folder
from reply_milter.core.verdict.reasons import Reason
from reply_milter.ports import Decision, Fate, Stage
from reply_milter.ports.fetching import FetchReport

ID = "abcdefghijklm" + "nopqrstuvwxyz"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> FetchLog:
    """Of a mailbox called inbox."""
    caplog.set_level(logging.DEBUG, logger="reply_milter.fetch")
    return FetchLog("inbox", DecisionsLogged())


def test_a_message_is_found_by_token_and_id(log: FetchLog, caplog: pytest.LogCaptureFixture) -> None:
    """As `why` looks for them."""
    log.fetched(FetchReport(7, FetchVerdict.REJECTED, "duplicate", ID, Folder.REJECTED, "words"))
    (record,) = caplog.records
    wanted = f"fetched mailbox=inbox uid=7 verdict=rejected reason=duplicate token={ID[:13]} id={ID} to=rejected: words"
    assert (record.getMessage(), record.levelno) == (wanted, logging.INFO)
    line = read_line(f"2026-01-01T00:00:00Z info reply-milter[1]: {wanted}")
    assert line.names(ID) and line.names(ID[:13])


@pytest.mark.parametrize(
    "verdict,level",
    [
        (FetchVerdict.ORDINARY, logging.DEBUG),
        (FetchVerdict.DEFERRED, logging.WARNING),
        (FetchVerdict.PARKED, logging.INFO),
    ],
)
def test_mail_of_others_is_logged_for_debugging_only(
    log: FetchLog, caplog: pytest.LogCaptureFixture, verdict: FetchVerdict, level: int
) -> None:
    """Its number, and nothing of what it says."""
    log.fetched(FetchReport(7, verdict))
    assert (caplog.records[0].levelno, caplog.records[0].getMessage()) == (
        level,
        f"fetched mailbox=inbox uid=7 verdict={verdict}",
    )


def test_the_same_trouble_is_a_warning_once(log: FetchLog, caplog: pytest.LogCaptureFixture) -> None:
    """Until the mailbox was open again."""
    for why in ("no route", "no route", "refused", "refused"):
        log.disconnected(why, 2.0)
    log.connected()
    log.disconnected("refused", 1.0)
    levels = [record.levelno for record in caplog.records]
    again = logging.WARNING, logging.DEBUG
    assert levels == [*again, *again, logging.INFO, logging.WARNING]


def test_a_command_logs_decisions(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """In the daemon's form."""
    caplog.set_level(logging.INFO, "reply_milter.decision")
    decisions = DecisionsLogged()
    decisions.stage_started()
    decisions.recipient(Decision(Stage.RCPT, Fate.ACCEPT, Reason.OK))
    decisions.message(Decision(Stage.EOM, Fate.REJECT, Reason.FORGED))
    (line,) = capfd.readouterr().err.splitlines()
    assert read_line(line).fields["reason"] == "forged"
