"""Reads log lines back, in each form in which they are kept: ours as text or JSON, and behind a head of syslog's."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, datetime

LONGEST = 1 << 16  # characters of a line that are read; ours are far shorter, but for tracebacks
RECIPIENT, MESSAGE, NOTIFICATION, DELIVERY = "recipient", "message", "notification", "delivery"
EVENTS = (RECIPIENT, MESSAGE, NOTIFICATION, DELIVERY)

_FIRST_YEAR = 1970
_PRIORITY = re.compile(r"<[0-7]>")
_BETWEEN_WORDS = re.compile(r"[^0-9A-Za-z.:-]")
_HEAD_END = "]: "  # of ``reply-milter[PID]: ``
_PAIR = re.compile(r" ([a-z_]{1,32})=(\"(?:[^\"\\]|\\.)*+\"|[^ \"]*+)")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``event``: one of ``EVENTS`` with its ``fields``; empty for a line that reports no decision.

    ``unix``: in seconds; None where the line does not say when it was written, or only in words.
    """

    text: str
    unix: float | None = None
    event: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def names(self, word: str) -> bool:
        """Return whether the line is about ``word``: a queue id, a token id, the id of a reply, or a client."""
        if self.event:
            return word in (self.fields.get(name) for name in ("queue", "token", "id", "client"))
        return word in _BETWEEN_WORDS.split(self.text)


def read_line(line: str, unix: float | None = None) -> LogLine:
    """Read one line; ``unix``: when it was written, if its keeper knows that better."""
    text = line[:LONGEST].rstrip("\r\n")
    text = text[3:] if _PRIORITY.match(text) else text
    head, said = _split(text)
    when = _moment(head.split(" ", 1)[0]) if unix is None else unix
    if said.startswith("{") and (found := _of_json(said, when)):
        return found
    event, blank, pairs = said.partition(" ")
    if event not in EVENTS or not blank:
        return LogLine(text, when)
    return LogLine(text, when, event, {name: _value(value) for name, value in _PAIR.findall(f" {pairs}")})


def _split(text: str) -> tuple[str, str]:
    """Return the head, which ours and syslog's lines have and those of the journal lack, and what is behind it."""
    if text.startswith((*EVENTS, "{")):
        return "", text
    head, mark, rest = text.partition(_HEAD_END)
    return (head, rest) if mark else ("", text)


def _of_json(text: str, unix: float | None) -> LogLine | None:
    """Read a line of ``format = "json"``; None for any other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("event"), str):
        return None
    event, when = found["event"], _moment(str(found.get("time", ""))) if unix is None else unix
    if event not in EVENTS:
        return LogLine(event, when)
    members = {name: _value(value) for name, value in found.items() if isinstance(value, str)}
    return LogLine(text, when, event, {name: value for name, value in members.items() if name not in ("time", "event")})


def _value(text: str) -> str:
    """Return a value; words are written as a JSON string."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text


def _moment(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    is_clear = found.tzinfo is not None and _FIRST_YEAR <= found.year < MAXYEAR  # so that it is a time in UTC, too
    return found.timestamp() if is_clear else None
