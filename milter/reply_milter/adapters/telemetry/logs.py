"""Log records as lines on standard error, where journald expects them: text, or JSON. UTC.

Decisions, one for each mail to a reply address, bypass the logging module: it needs a dozen calls to make a record.
"""

import json
import logging
import os
import re
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from reply_milter.core.seal.sealed_reply import TOKEN_ID_LENGTH
from reply_milter.core.token.token import CHECKSUM_FLOOR, KEY_LENGTH, USER_LENGTH
from reply_milter.ports import Decision, Notification
from reply_milter.ports.delivery_telemetry import DeliveryReport

# Of syslog(3), as sd-daemon(3) has them in front of lines.
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_STANDARD_ERROR = 2

Fields = Sequence[tuple[str, str]]
Event = Decision | Notification | DeliveryReport


# A run of characters is matched once, from its start.
_ADDRESS = re.compile(r"(?<![^\s<>()'\",;:=@])[^\s<>()'\",;:=@]++@[^\s<>()'\",;:=]{1,255}")
_TOKEN = re.compile(rf"[0-9a-f]{{{USER_LENGTH}}}[a-z2-7]{{{KEY_LENGTH + CHECKSUM_FLOOR},}}", re.ASCII | re.IGNORECASE)
# The tag of X-Reply-Mint with an application's secret, to its end.
_SECRET_TAG = re.compile(r"\b(key[ \t]*=)[^;'\"\n]{1,1024}")


class _Formatter(logging.Formatter):
    """One line per record, followed by a traceback if there is one, escaped in JSON.

    ``to_journal``: the journal notes time, level and process by itself, and takes the level from a prefix.
    """

    def __init__(self, as_json: bool, to_journal: bool) -> None:
        super().__init__()
        self._as_json = as_json
        self._to_journal = to_journal

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record``."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + _without_addresses(self.formatException(record.exc_info))
        return self.line(record.created, record.levelno, text, _of_record(record))

    def line(self, unix: float, level: int, text: str, fields: Fields) -> str:
        """Return a line with ``fields`` as key=value pairs or JSON members; those without a value are left out."""
        word = logging.getLevelName(level).lower()
        if self._as_json:
            head = {} if self._to_journal else {"time": _Moment.text(int(unix))}
            named = {name: value for name, value in fields if value}
            line = json.dumps({**head, "level": word, "event": text, "pid": os.getpid(), **named})
        else:
            pairs = "".join([f" {name}={value}" for name, value in fields if value])
            if (
                not pairs.isprintable()
            ):  # text of a plug-in, or another MTA's queue id, must not begin a line of its own
                pairs = "".join([character if character.isprintable() else "?" for character in pairs])
            start = "" if self._to_journal else f"{_Moment.text(int(unix))} {word} reply-milter[{os.getpid()}]: "
            line = f"{start}{text}{pairs}"
        return _with_priority(line, level) if self._to_journal else line


class DecisionLog:
    """Writes decisions in the format, and from the level on, of the last call of ``log_to_stderr``.

    ``holds``: lines are kept until ``flush``, which one thread calls that writes all of them.
    """

    format = _Formatter(as_json=False, to_journal=False)

    def __init__(self, name: str, holds: bool = False) -> None:
        self._log = logging.getLogger(name)
        self._holds = holds
        self._held: list[bytes] = []

    def write(self, level: int, event: str, decision: Event, milliseconds: float) -> None:
        """Write one line, if ``level`` is wanted. A log that cannot be written harms no mail."""
        if not self._log.isEnabledFor(level):
            return
        fields = [*_fields(decision), ("ms", f"{milliseconds:.2f}")]
        line = self.format.line(time.time(), level, event, fields)
        octets = f"{line}\n".encode("utf-8", "backslashreplace")
        if self._holds:
            self._held.append(octets)
        else:
            _write(octets)

    def flush(self) -> None:
        """Write the lines that are kept, in pieces of whole lines that no other process's lines get into."""
        if self._held:
            for piece in _pieces(self._held):
                _write(piece)
            self._held.clear()


def _write(octets: bytes) -> None:
    with suppress(OSError):
        os.write(_STANDARD_ERROR, octets)


def _pieces(lines: list[bytes]) -> Iterator[bytes]:
    """Join lines to pieces of at most PIPE_BUF octets, which a pipe takes as a whole; a longer line stays alone."""
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) > select.PIPE_BUF:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


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


def _without_addresses(traceback: str) -> str:
    """Redact addresses and tokens: an exception may quote what a client sent. A token without its domain works, too."""
    return _SECRET_TAG.sub(r"\1(secret)", _TOKEN.sub("(token)", _ADDRESS.sub("(address)", traceback)))


def _with_priority(text: str, level: int) -> str:
    """Begin each line with its priority: the journal makes an entry of each."""
    prefix = f"<{_PRIORITIES.get(level, 6)}>"
    return "\n".join(prefix + line for line in text.split("\n"))


def stderr_is_journal() -> bool:
    """Return whether standard error is what JOURNAL_STREAM names, so not after a redirection."""
    with suppress(OSError):
        found = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False


def _of_record(record: logging.LogRecord) -> Fields:
    decision = getattr(record, "decision", None)
    if not isinstance(decision, Event):
        return []
    return [*_fields(decision), ("ms", str(getattr(record, "milliseconds", "")))]


def _fields(event: Event) -> Fields:
    match event:
        case Decision():
            return _of_reply(event)
        case Notification():
            return _of_notification(event)
        case DeliveryReport():
            return _of_delivery(event)


def _of_reply(decision: Decision) -> Fields:
    return (
        ("queue", decision.queue_id),
        ("token", decision.token_id),
        ("verdict", decision.verdict),
        ("reason", decision.reason),
        ("because", decision.because),
        ("would", decision.would),
        ("stage", decision.stage),
        ("handler", decision.handler),
        ("replay", decision.replay),
        ("client", decision.client),
        ("class", decision.road),
        ("sight", decision.sight or ""),
    )


def _of_notification(notification: Notification) -> Fields:
    return (
        ("queue", notification.queue_id),
        ("token", notification.token_id),
        ("outcome", notification.outcome.value),
        ("handler", notification.handler),
        ("application", notification.application),
        ("lacks", ",".join(notification.lacks)),
        ("copy", "kept" if notification.stored else ""),
        ("problem", json.dumps(notification.problem) if notification.problem else ""),
    )


def _of_delivery(report: DeliveryReport) -> Fields:
    verified = bool(report.handler)
    return (
        ("queue", report.queue_id),
        ("token", report.id[:TOKEN_ID_LENGTH] if verified else ""),
        ("id", report.id),
        ("outcome", report.outcome.value),
        ("handler", report.handler),
        ("class", report.road),
        ("reason", report.reason),
        ("why", json.dumps(report.why) if report.why else ""),
    )


def log_to_stderr(as_json: bool, level: str) -> None:
    """Send every log record of this process to standard error, where journald and the MTA's host expect it.

    Called again, it changes form and level in place: a record that another thread writes meanwhile is not lost.
    ``debug`` is for our own loggers only: libraries would log what they send and receive.
    """
    # Fields that no line of ours shows are not computed, as the page of the logging module advises.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    root = logging.getLogger()
    ours = next((handler for handler in root.handlers if isinstance(handler.formatter, _Formatter)), None)
    if not isinstance(ours, logging.StreamHandler):
        ours = logging.StreamHandler()
        logging.basicConfig(handlers=[ours], force=True)
    DecisionLog.format = _Formatter(as_json, stderr_is_journal())
    ours.setFormatter(DecisionLog.format)
    ours.stream = sys.stderr
    wanted = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(wanted, logging.INFO))
    logging.getLogger("reply_milter").setLevel(wanted)
