"""One line of the log, explained: a headline, what it means, what the client heard, and the line's other fields."""

import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from reply_milter.adapters.telemetry.log_lines import DELIVERY, MESSAGE, NOTIFICATION, RECIPIENT, LogLine
from reply_milter.cli import decision_words as words
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.terminal import Colour, Terminal
from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import GUESSED, INVALID, MALFORMED_MESSAGE, MISSPELT, Cause, Reason, reply_for
from reply_milter.core.verdict.verdict import Defer, Reject, refusal
from reply_milter.core.wrapping.wrap import Road
from reply_milter.ports import Fate, Minting, Stage
from reply_milter.ports.delivery_telemetry import DeliveryEvent

_WIDEST = 110
_INDENT = " " * 4
_LONGEST = 1000  # characters of a value: an application's server may say much
_REST = ("queue", "token", "id", "handler", "application", "client", "replay", "class", "sight", "lacks", "copy", "ms")
_COLOURS = {
    "accept": Colour.GREEN, "delivered": Colour.GREEN, "minted": Colour.GREEN, "wrapped": Colour.GREEN,
    "reject": Colour.RED, "refused": Colour.RED, "dead_letter": Colour.RED,
}  # fmt: skip
_Word = TypeVar("_Word", bound=StrEnum)


def explained(line: LogLine, terminal: Terminal) -> str:
    """Return a paragraph about a line."""
    if not line.event:
        return f"{when(line)}  {printable(line.text)}"
    head = terminal.paint(colour_of(line), headline(line))
    width = min(_WIDEST, terminal.width)
    said = [
        part
        for text in (*meaning(line), _heard_words(line), _rest(line))
        for part in textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)
    ]
    return "\n".join([f"{when(line)}  {head}", *said])


def members(line: LogLine) -> dict[str, object]:
    """Return a line for a program: its fields, and the words."""
    return {
        "time": None if line.unix is None else int(line.unix),
        "event": line.event or None,
        "fields": dict(line.fields),
        "headline": headline(line) if line.event else None,
        "meaning": list(meaning(line)),
        "heard": heard(line) or None,
        "line": line.text,
    }


def when(line: LogLine) -> str:
    """Return the time of a line in UTC; the line's own head where nothing is known."""
    if line.unix is None:
        return "(no time)"
    return datetime.fromtimestamp(line.unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def colour_of(line: LogLine) -> Colour:
    """Return the colour of what became of it."""
    return _COLOURS.get(line.fields.get("verdict") or line.fields.get("outcome", ""), Colour.YELLOW)


def headline(line: LogLine) -> str:
    """Return what became of it, and the reason in brackets."""
    fields = {name: _shown(value) for name, value in line.fields.items()}
    because = f", {fields['because']}" if fields.get("because") else ""
    reason = f" ({fields['reason']}{because})" if fields.get("reason") else ""
    if line.event in (NOTIFICATION, DELIVERY):
        return f"{'Notification' if line.event == NOTIFICATION else 'Delivery'}: {fields.get('outcome', '')}{reason}"
    step = "RCPT" if fields.get("stage") in (Stage.RCPT, Stage.SIGN_RCPT) else "End of message"
    fate = _word(words.FATES, Fate, fields.get("verdict", ""))
    would = f"; enforce mode: {fields['would']}" if fields.get("would") else ""
    return f"{step}: {fate}{would}{reason}"


def meaning(line: LogLine) -> Iterator[str]:
    """Yield sentences: what the reason says, and the cause behind it that the client does not get to know."""
    fields = line.fields
    if line.event in (RECIPIENT, MESSAGE):
        yield _reason(fields)
        if fields.get("because"):
            yield _native(fields, fields["because"]) or _word(words.CAUSES, Cause, fields["because"])
    elif line.event == NOTIFICATION:
        yield _word(words.NOTIFICATIONS, Minting, fields.get("outcome", ""))
    elif line.event == DELIVERY:
        yield _word(words.DELIVERIES, DeliveryEvent, fields.get("outcome", ""))
        if fields.get("outcome") == DeliveryEvent.DEAD_LETTER:
            yield _word(words.DEAD_LETTERS, Undeliverable, fields.get("reason", ""))
    yield from (f"It says: {_shown(fields[name])}" for name in ("problem", "why") if fields.get(name))


def heard(line: LogLine) -> str:
    """Return what the client heard; empty for 250, or where that is not known."""
    fields = line.fields
    if line.event not in (RECIPIENT, MESSAGE) or fields.get("verdict") not in (Fate.REJECT, Fate.DEFER):
        return ""
    try:
        reason = Reason(fields.get("reason", ""))
    except ValueError:
        return ""
    if reason is Reason.MALFORMED and fields.get("stage") != Stage.EOM:
        return f"{INVALID}, or {MISSPELT} if only the spelling was wrong"
    said = MALFORMED_MESSAGE if reason is Reason.MALFORMED else reply_for(reason)
    if fields.get("because") == Cause.WRONG_AUTHORS and reason is Reason.LEAKED:
        said = GUESSED
    answer = refusal(Action(fields["verdict"]), reason, said)
    text = str(answer.reply) if isinstance(answer, Reject | Defer) else ""
    return f"{text} on DATE" if reason is Reason.EXPIRED else text


def _heard_words(line: LogLine) -> str:
    text = heard(line)
    return f"The client heard: {text}" if text else ""


def _reason(fields: Mapping[str, str]) -> str:
    if fields.get("reason") == Reason.MALFORMED and fields.get("stage") != Stage.EOM:
        return words.ADDRESS_MALFORMED
    if fields.get("because") or fields.get("reason") == Reason.EXPIRED:
        of_native = _native(fields, fields.get("reason", ""))
        if of_native:
            return of_native
    return _word(words.REASONS, Reason, fields.get("reason", ""))


def _native(fields: Mapping[str, str], value: str) -> str:
    """Return the words for a reason or cause of an application's own address; empty where there are no others."""
    if fields.get("class") != Road.NATIVE:
        return ""
    return next((text for known, text in words.OF_NATIVE.items() if known.value == value), "")


def _word(table: Mapping[_Word, str], kind: type[_Word], value: str) -> str:
    """Return the words for ``value``; the value itself if it is of a later version."""
    try:
        return table[kind(value)]
    except ValueError:
        return _shown(value)


def _rest(line: LogLine) -> str:
    return ", ".join(f"{name} {_shown(line.fields[name])}" for name in _REST if line.fields.get(name))


def _shown(value: str) -> str:
    return printable(value[:_LONGEST])
