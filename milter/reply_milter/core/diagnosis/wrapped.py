"""Settings of wrapped applications that an operator should know to be in force, or not yet."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from reply_milter.core.diagnosis.problem import TOML, Problem, Remedy, note
from reply_milter.core.verdict.destination import LmtpRelay
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping.pattern import DELIMITERS
from reply_milter.core.wrapping.wrap import Wrap


def unbound_names(wrapped: Sequence[Handler], left: Collection[int] | None, now: int) -> list[str]:
    """The handlers whose native addresses are to be refused, and pass all the same: nothing was wrapped yet.

    ``left``: numbers of handlers of which a wrapped notification has left; None where that is unknown.
    """
    if left is None:
        return []
    refusing = (one for one in wrapped if one.wrap and one.wrap.verification is None and not one.wrap.passes(now))
    return [one.name for one in refusing if one.id not in left]


def examine(wrapped: Sequence[Handler], left: Collection[int] | None, now: int) -> Iterator[Problem]:
    """Examine each wrapped handler. ``left`` as above; ``now`` in Unix seconds."""
    for name in unbound_names(wrapped, left, now):
        yield note(
            "config.native_unbound",
            f"handler {name}: native addresses still pass, although they are to be refused",
            "that binds once a wrapped notification of this handler has left this host; none has",
        )
    for handler in wrapped:
        if handler.wrap is not None and handler.wrap.passes(now):
            yield _passes(handler, handler.wrap)
        delimiter = _delimiter(handler)
        if delimiter:
            yield note(
                "config.lmtp_delimiter",
                f"handler {handler.name}: its LMTP server gets recipients with a key behind {delimiter!r}",
                "it must take them for the mailbox before that, as Dovecot does if its recipient_delimiter holds "
                f"{delimiter}; nothing but the hook may connect there",
            )


def _passes(handler: Handler, wrap: Wrap) -> Problem:
    until = wrap.native_passes_until
    how = "always" if until is None else f"until {datetime.fromtimestamp(until, UTC):%Y-%m-%d}"
    return note(
        "config.native_passes",
        f"handler {handler.name}: native addresses pass {how}",
        "whoever has a native address can answer with it, unbound and as often as the application takes it",
        Remedy(TOML, 'native = "refuse"', "[handler.wrap]"),
    )


def _delimiter(handler: Handler) -> str:
    """What an LMTP server must split recipients at; empty where there is no such server, or nothing to split."""
    destination = handler.destination
    if not isinstance(destination, LmtpRelay) or destination.recipient or handler.wrap is None:
        return ""
    before, found, _ = handler.wrap.address.source.partition("{key}")
    return before[-1:] if found and before[-1:] in DELIMITERS else ""
