"""Header fields that we read or write, and edits as values, which the adapter performs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reply_milter.core.rules.auto_reply import SIGNS, Fields

VERDICT: Final = "X-Reply-Verdict"
AUTHENTICATION_RESULTS: Final = "Authentication-Results"
DKIM_SIGNATURE: Final = "DKIM-Signature"
MINT: Final = "X-Reply-Mint"

FIELDS_LIMIT: Final = 2000
OCTETS_LIMIT: Final = 256 * 1024
NAME_LIMIT: Final = 900  # octets of a field's name: name, colon and a value must fit a line (RFC 5322 section 2.1.1)

# What the rules read, in lower case. Other fields are only counted.
READ: Final = frozenset(
    {
        "from", "sender", "reply-to", "message-id", "date", "subject", "in-reply-to", "references",
        "content-type", AUTHENTICATION_RESULTS.lower(), DKIM_SIGNATURE.lower(), VERDICT.lower(), *SIGNS,
    }
)  # fmt: skip

_LINE_END: Final = re.compile(r"[\0\r]|\n(?![ \t])")

# Fields that identify a message, which has each of them once (RFC 5322 section 3.6).
_NAMING: Final = ("message-id", "date", "in-reply-to")


# Postfix removes these before milters see a message (message_drop_headers). Sign mode must read them, and removes them.
DROPPED: Final = ("Return-Path", "Resent-Bcc")

# What sign mode reads of an outgoing message.
READ_OUTBOUND: Final = frozenset(
    {MINT.lower(), "message-id", "references", "reply-to", "auto-submitted", *(name.lower() for name in DROPPED)}
)

# Fields of a message that was sent before, by name in lower case: the client that submits it is not its author.
_TRACES: Final = {
    "received": "Received",
    "list-id": "List-Id",
    "delivered-to": "Delivered-To",
    "return-path": "Return-Path",
}
_RESENT: Final = "resent-"
_CONTROLS: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])")


def trace_of(name: str) -> str:
    """Return which trace field (RFC 5321 section 4.4, RFC 5322 section 3.6.6, RFC 2919) ``name`` is; empty for none."""
    return "Resent-*" if name.startswith(_RESENT) else _TRACES.get(name, "")


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the ``index``-th field named ``name``, counted from 1 at the top."""

    name: str
    index: int


@dataclass(frozen=True, slots=True)
class Replace:
    """Give the ``index``-th field named ``name``, counted from 1 at the top, another value."""

    name: str
    index: int
    value: str


@dataclass(frozen=True, slots=True)
class Append:
    """Put a field below all others. ``value`` may be folded: LF and a tab."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Put a field above all others. ``value`` may be folded: LF and a tab."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveRecipient:
    """Remove an envelope recipient, as the client spelled it."""

    argument: str


Edit = Delete | Replace | Append | Insert | RemoveRecipient


def holds_controls(name: str, value: str) -> bool:
    """Whether a field holds control characters that no mail program writes, or a line end that folds nothing.

    ``value`` as libmilter gives it: lines end in LF, or CRLF, and go on with a blank or a tab (RFC 5322 section 2.2.3).
    """
    return not name.isprintable() or _CONTROLS.search(value) is not None


def without_twins(fields: Fields, names: Sequence[str] = _NAMING) -> Fields:
    """Return ``fields`` with one copy of each of ``names`` that occurs several times with the same value.

    Values are the same if they are equal after unfolding (RFC 5322 section 2.2.3), without white space around them.
    Mail programs and gateways make such copies when they add a field that already exists.
    """
    twins = {name: values for name in names if len(values := fields.get(name, ())) > 1}
    same = {name: values[:1] for name, values in twins.items() if len({_unfolded(value) for value in values}) == 1}
    return {**fields, **same}


def are_doubled(fields: Fields, names: Sequence[str] = _NAMING) -> bool:
    """Return whether one of ``names`` occurs more than once; by default, the fields that identify a message."""
    return any(len(fields.get(name, ())) > 1 for name in names)


def _unfolded(value: str) -> str:
    return value.replace("\r", "").replace("\n", "").strip(" \t")


def strip(name: str, count: int) -> tuple[Edit, ...]:
    """Remove all ``count`` fields named ``name``, the last first: an MTA renumbers after each removal."""
    return tuple(Delete(name, index) for index in range(count, 0, -1))


def writable(value: str) -> str:
    """``value`` as it can be written into a field: octets that are not UTF-8 become ``?``, since libmilter takes text.

    What would end the field becomes a blank: an MTA gives no line end without white space behind it.
    """
    written = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "?")
    return _LINE_END.sub(" ", written)
