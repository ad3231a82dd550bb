"""Verify one message without an MTA and without the store: what the client would hear, and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from reply_milter.core.mail import headers
from reply_milter.core.rules.thread import ThreadMatch
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.core.token.address import ReplyAddress, classify
from reply_milter.core.token.verify import Checked, Facts, check_token
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject, Verdict
from reply_milter.core.wrapping.native import find_direct
from reply_milter.core.wrapping.unwrap import unwrap
from reply_milter.core.wrapping.wrap import Road
from reply_milter.flows.driving import settled
from reply_milter.flows.service import Rules, Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import Claim, Claimed, Clock, Decision, Fate, NativeSources, Replay

ORDINARY = "ordinary"


class NoStore:
    """A store that knows and remembers nothing: a rehearsal leaves out revocation and replay."""

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """Return that nothing is known."""
        return Facts()

    def claim(self, claim: Claim) -> Claimed:
        """Return that nothing is known of the message."""
        return Claimed(Replay.UNKNOWN if claim.takes else None)

    def release(self, claim: Claim) -> None:
        """Do nothing: nothing was claimed."""

    def commit(self, identifier: str) -> bool:
        """Do nothing: nothing was claimed."""
        return False

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """Do nothing: nothing was claimed."""


@dataclass(frozen=True, slots=True)
class KnownMark:
    """What is known of notifications that have left, by the numbers of their handlers; None: take it that all have."""

    left: Collection[int] | None

    def note(self, handler_id: int) -> None:
        """Do nothing: a rehearsal changes nothing."""

    def has_left(self, handler_id: int) -> bool:
        """See ``ports.WrappedMark``."""
        return self.left is None or handler_id in self.left


class LastDecision:
    """Telemetry that keeps the last decision."""

    def __init__(self) -> None:
        self.decision: Decision | None = None

    def recipient(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self.decision = decision

    def message(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self.decision = decision

    def replay(self, outcome: Replay) -> None:
        """Ignored."""

    def wrong_author(self, last: bool) -> None:
        """Ignored."""

    def address_disagreement(self) -> None:
        """Ignored."""

    def headers_stripped(self, count: int) -> None:
        """Ignored."""

    def key_used(self, master_id: str, now: int) -> None:
        """Ignored."""

    def token_age(self, seconds: int) -> None:
        """Ignored."""


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """The message of a client. ``sender`` is empty for the null sender; addresses have no brackets."""

    sender: str
    recipient: str
    client: str
    fields: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Concerned:
    """The wrapped application that a recipient reaches.

    ``thread``: whether the message shows by a capsule what the address stands for; None where the address has no
    token. ``recipient``: of the notification; empty where that is unknown.
    """

    road: Road
    handler: str
    thread: ThreadMatch | None = None
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``verdict`` and ``reason`` as in the log; ``reply``: what the client would hear; ``header``: ours, or empty.

    ``concerned``: None where no wrapped application is reached.
    """

    verdict: Fate
    reason: str
    would: str
    reply: str
    header: str
    concerned: Concerned | None = None


def rehearse(
    rules: Rules,
    clock: Clock,
    sample: SampleMessage,
    left: Collection[int] | None = (),
    natives: NativeSources | None = None,
) -> Rehearsal:
    """Take ``sample`` through the inbound flow.

    ``left``: numbers of wrapped handlers of which a notification has left; None: unknown, and taken to be all.
    ``natives``: the sources that native addresses are verified with; None: they are deferred.
    """
    telemetry = LastDecision()
    guesses = GuessTable(bytearray(TABLE_OCTETS), b"rehearsal")
    unthrottled = replace(rules, verify=replace(rules.verify, forged_per_minute=0))
    service = Service(unthrottled, guesses, NoStore(), None, clock, telemetry, mark=KnownMark(left), natives=natives)
    connection = Connection(lambda: service, sample.client)
    connection.mail(f"<{sample.sender}>")
    verdict = settled(connection.rcpt(f"<{sample.recipient}>", None, over_smtp=True))
    if isinstance(verdict, Accept) and telemetry.decision is not None:
        for name, value in sample.fields:
            connection.header(name, value.lstrip(" "))
        connection.body(sample.body)
        verdict = settled(connection.end_of_message(""))
        connection.done()
    return replace(_outcome(verdict, telemetry.decision), concerned=_concerned(rules, clock.now(), sample))


def _concerned(rules: Rules, now: int, sample: SampleMessage) -> Concerned | None:
    """Find the application that the recipient reaches, and what the message says of the original."""
    argument = f"<{sample.recipient}>"
    direct = find_direct(rules.handlers.wrapped, argument, None, not sample.sender)
    if direct is not None:
        return Concerned(direct.road, direct.handler.name)
    found, form = classify(rules.form, argument, None), rules.form
    if not isinstance(found, ReplyAddress):
        return None
    checked = check_token(form.token_text(found.local), form.checksum_length, rules.keyring, rules.handlers, now)
    if not isinstance(checked, Checked) or checked.handler.wrap is None:
        return None
    in_reply_to, references = _first(sample, "in-reply-to"), _first(sample, "references")
    unwrapped = unwrap(checked, rules.keyring, in_reply_to, references, None, form.accept_domains)
    recipient = unwrapped.plain.recipient if unwrapped.plain is not None else ""
    return Concerned(Road.WRAPPED, checked.handler.name, unwrapped.match, recipient)


def _first(sample: SampleMessage, name: str) -> str:
    return next((value for known, value in sample.fields if known.lower() == name), "")


def _outcome(verdict: Verdict, decision: Decision | None) -> Rehearsal:
    if decision is None:
        return Rehearsal(Fate.ACCEPT, ORDINARY, "", "250", "")
    header = ""
    for edit in getattr(verdict, "edits", ()):
        if isinstance(edit, headers.Insert) and edit.name == headers.VERDICT:
            header = f"{edit.name}: {edit.value}"
    match verdict:
        case Reject(reply=reply) | Defer(reply=reply):
            words = str(reply)
        case Accept() | Discard() | Park():
            words = "250"
    return Rehearsal(decision.verdict, decision.reason, decision.would, words, header)
