"""Header fields that we read or write, and edits as data: the adapter performs them."""

from dataclasses import dataclass

VERDICT = "X-Reply-Verdict"
AUTHENTICATION_RESULTS = "Authentication-Results"
DKIM_SIGNATURE = "DKIM-Signature"
MINT = "X-Reply-Mint"

FIELDS_LIMIT = 2000
OCTETS_LIMIT = 256 * 1024

# What the rules read, in lower case. Everything else is counted and forgotten.
READ = frozenset(
    {
        "from", "sender", "reply-to", "message-id", "date", "subject", "in-reply-to", "references",
        "auto-submitted", "precedence", "x-autoreply", "x-autorespond", "content-type",
        AUTHENTICATION_RESULTS.lower(), DKIM_SIGNATURE.lower(), VERDICT.lower(),
    }
)  # fmt: skip


# What sign mode reads of an outgoing message.
READ_OUTBOUND = frozenset({MINT.lower(), "message-id", "references", "reply-to", "auto-submitted"})

# What a message bears that was on its way before: by name, in lower case. Whoever hands it in did not write it.
_TRACES = {
    "received": "Received",
    "list-id": "List-Id",
    "delivered-to": "Delivered-To",
    "return-path": "Return-Path",
}
_RESENT = "resent-"


def trace_of(name: str) -> str:
    """The kind of trace field (RFC 5321 section 4.4, RFC 5322 section 3.6.6, RFC 2919) that ``name`` is, or nothing."""
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
    """Take an envelope recipient off, as the client spelled it."""

    argument: str


Edit = Delete | Replace | Append | Insert | RemoveRecipient


def strip(name: str, count: int) -> tuple[Edit, ...]:
    """Remove all ``count`` fields named ``name``, the last first: an MTA renumbers after each removal."""
    return tuple(Delete(name, index) for index in range(count, 0, -1))
