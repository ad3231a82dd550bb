"""What is reported of a notification as its application sends it: what leaks, and what stands in the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reply_milter.core.diagnosis.problem import TOML, Problem, Remedy, error, note, warning
from reply_milter.core.mail import domain, headers
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping import outward
from reply_milter.core.wrapping.body_keys import KeyPlace
from reply_milter.core.wrapping.outward import Wrapped
from reply_milter.core.wrapping.wrap import Wrap
from reply_text.syntax.mailbox import mailboxes

Fields = Sequence[tuple[str, str]]
_RECIPIENTS = ("to", "cc", "bcc")
_SHOWN = 5  # places of keys that are named one by one
_WORTH = "whoever reads a key can use it on roads that do not pass this milter: close them, and refuse native addresses"


@dataclass(frozen=True, slots=True)
class Sample:
    """A notification. ``fields``, as ``message_file.split`` gives them; ``message``: all of it.

    ``sender``: of the envelope, which no file holds; empty where it is unknown.
    """

    fields: Fields
    message: bytes
    sender: str = ""

    @property
    def senders(self) -> set[str]:
        """Envelope sender and authors, normalised."""
        found = [self.sender.strip("<>")] if self.sender else []
        found += [author for value in self.values("from") for author in mailboxes(value)]
        return {normal for one in found if (normal := domain.normalise(one)) is not None}

    @property
    def shown_senders(self) -> str:
        """The same in words."""
        return ", ".join(sorted(self.senders)) or "nobody that can be read"

    @property
    def recipient(self) -> str:
        """The first address in To, as if the message went there; empty where there is none."""
        return next((address for value in self.values("to") for address in mailboxes(value)), "")

    def values(self, name: str) -> list[str]:
        """The values of all fields with this lower-case name."""
        return [value for known, value in self.fields if known.lower() == name]


class Change(NamedTuple):
    """``deed``: rewritten, added or removed."""

    handler: str
    field: str
    deed: str


def unknown(sample: Sample) -> Problem:
    """Report that no handler has to do with it."""
    shown = sample.shown_senders
    return error(
        "application.unknown",
        f"no [handler.wrap] is concerned: its sender ({shown}) is in no `from`, and no `address` matches in its header",
        "the sign milter leaves it alone: if it bears the application's own address, that leaves with its key",
    )


def nothing(handler: Handler, wrap: Wrap) -> Problem:
    """Report that it is of the application, and holds nothing to be wrapped."""
    return warning(
        "application.nothing",
        f"handler {handler.name}: it is the application's, but no field holds an address like {wrap.address.source}",
        "it leaves as it is: right for mail that nobody answers; else `address` is not what the application writes",
    )


def matching(sample: Sample, handler: Handler, known: bool) -> Iterator[Problem]:
    """Examine whether the sign milter would know it for the application's."""
    if known:
        return
    shown = sample.shown_senders
    asked = "" if sample.sender else "; its envelope sender may be: name that with --sender"
    yield (error if sample.sender else warning)(
        "application.from",
        f"handler {handler.name}: its sender ({shown}) is not in `from`{asked}",
        "mail of other senders is left alone: it leaves with the application's own address, key included",
    )


def refused(handler: Handler, why: str) -> Problem:
    """Report that the sign milter would refuse it, and ``why``."""
    if why == outward.SIGNED:
        return error(
            "application.signed",
            f"handler {handler.name}: {why}",
            "the sign milter refuses it with 550: a DKIM signer must come after the sign socket in smtpd_milters",
        )
    return error(
        "application.refused",
        f"handler {handler.name}: {why}",
        "the sign milter refuses it with 550, because it must not leave with the application's own address",
    )


def way_here(sample: Sample) -> Iterator[Problem]:
    """Examine what no notification has when its application hands it in."""
    trace = outward.trace_in(sample.fields)
    if trace:
        yield error(
            "application.trace",
            f"it has a {trace} field: it has passed an MTA, and is not as the application sends it",
            "the sign milter refuses such mail of the application: put the sign socket where the application hands in",
        )
    if sample.values(headers.MINT.lower()):
        yield warning(
            "application.request",
            f"it bears {headers.MINT}",
            "if that is granted, it wins, and nothing is wrapped; if not, the message is refused",
        )


def rewritten(handler: Handler, changes: Sequence[Change]) -> Iterator[Problem]:
    """Report what leaves otherwise than it came."""
    said = "; ".join(f"{change.field} is {change.deed}" for change in changes)
    yield note("application.rewritten", f"handler {handler.name}: {said}", "everything else stays octet for octet")
    if handler.policy.observe:
        yield note(
            "application.observe",
            f"handler {handler.name} observes: nothing is changed yet",
            "log and metric say what would be",
            Remedy(TOML, 'mode = "enforce"', "[[handler]]"),
        )


def capsules(handler: Handler, wrap: Wrap, wrapped: Wrapped) -> Iterator[Problem]:
    """Examine whether the message itself can carry what its address stands for."""
    if all(one.capsule for one in wrapped.minted):
        return
    has_copy = wrap.store and bool(wrapped.message_id)
    yield (warning if has_copy else error)(
        "application.capsule",
        f"handler {handler.name}: what its address stands for is too long for an id in References",
        "only the store has it: notifications are deferred while that is away, and replies refused once it is lost. A "
        "shorter address.mint_domain may help"
        if has_copy
        else "the sign milter refuses it with 550: set store = true, and let it have a Message-ID",
    )


def recipients(sample: Sample, wrap: Wrap) -> Iterator[Problem]:
    """Examine whether it seems to go to several: the envelope is not in the file."""
    shown = {
        domain.normalise(address) or address
        for name in _RECIPIENTS
        for value in sample.values(name)
        for address in mailboxes(value)
    }
    if len(shown - wrap.copies) > 1:
        yield warning(
            "application.recipients",
            f"To, Cc and Bcc name {len(shown - wrap.copies)} recipients",
            "a message with several envelope recipients is refused: the application must send each its own, or "
            "`copies` must name those that are journals",
        )


def left(handler: Handler, wrap: Wrap, kept_in: Sequence[str], places: Sequence[KeyPlace]) -> Iterator[Problem]:
    """Report where keys stay readable. ``kept_in``: names of fields."""
    for name in kept_in:
        yield warning("application.leak", f"handler {handler.name}: {name} keeps the key, as its identity", _WORTH)
    if places:
        shown = ", ".join(f"{one.part} line {one.line}" if one.line else one.part for one in places[:_SHOWN])
        more = f", and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        yield warning(
            "application.body",
            f"handler {handler.name}: its key stands in the body: {shown}{more}",
            f"bodies are not changed. {_WORTH}",
        )
    for text in wrap.preset.leaks:
        yield note("application.known_leak", f"{wrap.preset.name}: {text.rstrip('.')}", _WORTH)
    for text in wrap.preset.settings:
        yield note("application.setting", f"{wrap.preset.name}: {text.rstrip('.')}", "a setting of its own, to look at")
