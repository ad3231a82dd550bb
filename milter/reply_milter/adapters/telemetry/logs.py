"""Log records as lines on standard error, where journald expects them: text, or JSON."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from reply_milter.core.sealed_reply import TOKEN_ID_LENGTH
from reply_milter.core.token import CHECKSUM_FLOOR, KEY_LENGTH, USER_LENGTH
from reply_milter.ports import Decision, Notification
from reply_milter.ports.delivery import DeliveryReport

# Of syslog(3), as sd-daemon(3) has them in front of lines.
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


_ADDRESS = re.compile(r"[^\s<>()'\",;:=@]{1,320}@[^\s<>()'\",;:=]{1,255}")
_TOKEN = re.compile(rf"[0-9a-f]{{{USER_LENGTH}}}[a-z2-7]{{{KEY_LENGTH + CHECKSUM_FLOOR},}}", re.ASCII | re.IGNORECASE)


class _Formatter(logging.Formatter):
    """One line a record; a decision's fields as key=value pairs or as JSON members. UTC.

    ``to_journal``: the journal notes time, level and process by itself, and takes the level from a prefix.
    """

    def __init__(self, as_json: bool, to_journal: bool) -> None:
        super().__init__()
        self._as_json = as_json
        self._to_journal = to_journal

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record``; a traceback goes on behind it, escaped in JSON."""
        fields = _fields(record)
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + _without_addresses(self.formatException(record.exc_info))
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        level = record.levelname.lower()
        if self._as_json:
            head = {} if self._to_journal else {"time": moment}
            line = json.dumps({**head, "level": level, "event": text, "pid": os.getpid(), **fields})
        else:
            pairs = "".join(f" {name}={value}" for name, value in fields.items())
            head_text = "" if self._to_journal else f"{moment} {level} reply-milter[{os.getpid()}]: "
            line = f"{head_text}{text}{pairs}"
        return _with_priority(line, record.levelno) if self._to_journal else line


def _without_addresses(traceback: str) -> str:
    """What an exception says may hold what a client sent; a token without its domain works as well."""
    return _TOKEN.sub("(token)", _ADDRESS.sub("(address)", traceback))


def _with_priority(text: str, level: int) -> str:
    """Each line with its priority: the journal makes an entry of each."""
    prefix = f"<{_PRIORITIES.get(level, 6)}>"
    return "\n".join(prefix + line for line in text.split("\n"))


def _stderr_is_journal() -> bool:
    """Whether standard error is what JOURNAL_STREAM names; a redirection behind systemd's back is not."""
    with suppress(OSError):
        found = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False


def _fields(record: logging.LogRecord) -> Mapping[str, str]:
    decision = getattr(record, "decision", None)
    if isinstance(decision, Notification):
        named = {
            "queue": decision.queue_id,
            "token": decision.token_id,
            "outcome": decision.outcome.value,
            "handler": decision.handler,
            "problem": json.dumps(decision.problem) if decision.problem else "",
        }
    elif isinstance(decision, Decision):
        named = _of_reply(decision)
    elif isinstance(decision, DeliveryReport):
        named = _of_delivery(decision)
    else:
        return {}
    named["ms"] = getattr(record, "milliseconds", "")
    return {name: str(value) for name, value in named.items() if value}


def _of_reply(decision: Decision) -> dict[str, str]:
    return {
        "queue": decision.queue_id,
        "token": decision.token_id,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "because": decision.because,
        "would": decision.would,
        "stage": decision.stage,
        "handler": decision.handler,
        "replay": decision.replay,
        "client": decision.client,
    }


def _of_delivery(report: DeliveryReport) -> dict[str, str]:
    verified = bool(report.handler)
    return {
        "queue": report.queue_id,
        "token": report.id[:TOKEN_ID_LENGTH] if verified else "",
        "id": report.id,
        "outcome": report.outcome.value,
        "handler": report.handler,
        "reason": report.reason,
        "why": json.dumps(report.why) if report.why else "",
    }


def log_to_stderr(as_json: bool, level: str) -> None:
    """Send every log record of this process to standard error, where journald and the MTA's host expect it.

    Called again, it changes form and level in place: a record that another thread writes meanwhile is not lost.
    ``debug`` is for us alone: libraries would tell what they send and receive.
    """
    root = logging.getLogger()
    ours = next((handler for handler in root.handlers if isinstance(handler.formatter, _Formatter)), None)
    if not isinstance(ours, logging.StreamHandler):
        ours = logging.StreamHandler()
        logging.basicConfig(handlers=[ours], force=True)
    ours.setFormatter(_Formatter(as_json, _stderr_is_journal()))
    ours.stream = sys.stderr
    wanted = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(wanted, logging.INFO))
    logging.getLogger("reply_milter").setLevel(wanted)
