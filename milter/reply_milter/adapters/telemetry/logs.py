"""Log records as lines on standard error, where journald expects them: text, or JSON. UTC.

Decisions, one for each mail to a reply address, go past the logging module: a record takes it a dozen calls to make.
"""

import json
import logging
import os
import time
from collections.abc import Sequence

from reply_milter.ports import Decision, Notification

_STANDARD_ERROR = 2
Fields = Sequence[tuple[str, str]]


class _Formatter(logging.Formatter):
    """One line a record; a traceback goes on behind it, escaped in JSON."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record``."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return _line(self._as_json, record.created, record.levelname, text, [])


class DecisionLog:
    """Writes decisions in the format and from the level on that ``log_to_stderr`` was last told."""

    as_json = False

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def write(self, level: int, event: str, decision: Decision | Notification, milliseconds: float) -> None:
        """One line, if ``level`` is wanted. A log that can't be written harms no mail."""
        if not self._log.isEnabledFor(level):
            return
        fields = _of_reply(decision) if isinstance(decision, Decision) else _of_notification(decision)
        told = [*fields, ("ms", f"{milliseconds:.2f}")]
        line = _line(self.as_json, time.time(), logging.getLevelName(level), event, told)
        try:
            os.write(_STANDARD_ERROR, f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return


def log_to_stderr(as_json: bool, level: str) -> None:
    """Send every log record of this process to standard error, where journald and the MTA's host expect it."""
    # What no line of ours tells is not looked up, as the logging module's own page advises.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    DecisionLog.as_json = as_json
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(as_json))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def _line(as_json: bool, unix: float, level: str, text: str, fields: Fields) -> str:
    """Fields without a value are left out."""
    moment = _Moment.text(int(unix))
    if as_json:
        head = {"time": moment, "level": level.lower(), "event": text, "pid": os.getpid()}
        return json.dumps(head | {name: value for name, value in fields if value})
    pairs = "".join([f" {name}={value}" for name, value in fields if value])
    return f"{moment} {level.lower()} reply-milter[{os.getpid()}]: {text}{pairs}"


class _Moment:
    """The last second that was written, as text: many lines share one."""

    last = (0, "")

    @classmethod
    def text(cls, unix: int) -> str:
        second, text = cls.last
        if second != unix:
            text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))
            cls.last = (unix, text)
        return text


def _of_reply(decision: Decision) -> Fields:
    return (
        ("queue", decision.queue_id),
        ("token", decision.token_id),
        ("verdict", decision.verdict),
        ("reason", decision.reason),
        ("would", decision.would),
        ("stage", decision.stage),
        ("handler", decision.handler),
        ("replay", decision.replay),
    )


def _of_notification(notification: Notification) -> Fields:
    return (
        ("queue", notification.queue_id),
        ("token", notification.token_id),
        ("outcome", notification.outcome.value),
        ("handler", notification.handler),
        ("problem", json.dumps(notification.problem) if notification.problem else ""),
    )
