"""The verification of one message without an MTA and without the store: what would be said, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reply_milter.core.mail import headers
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.core.token.verify import Facts
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject, Verdict
from reply_milter.flows.service import Rules, Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import Claim, Claimed, Clock, Decision, Replay

ORDINARY = "ordinary"


class NoStore:
    """Knows nothing, remembers nothing: revocation and replay are left out of a rehearsal."""

    def facts(self, user: int, handler: int, context: int, token_id: str) -> Facts:
        """Nothing is known."""
        return Facts()

    def claim(self, claim: Claim) -> Claimed:
        """Nobody can tell."""
        return Claimed(Replay.UNKNOWN if claim.takes else None)

    def release(self, claim: Claim) -> None:
        """Nothing was claimed."""

    def commit(self, identifier: str) -> bool:
        """Nothing was claimed."""
        return False

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """Nothing was claimed."""


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
        """Of no interest here."""

    def wrong_author(self, last: bool) -> None:
        """Nobody is counted here."""

    def address_disagreement(self) -> None:
        """Of no interest here."""

    def headers_stripped(self, count: int) -> None:
        """Of no interest here."""

    def key_used(self, master_id: str, now: int) -> None:
        """Of no interest here."""

    def token_age(self, seconds: int) -> None:
        """Of no interest here."""


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """What a client would send. ``sender`` empty for the null sender; addresses without brackets."""

    sender: str
    recipient: str
    client: str
    fields: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``verdict`` and ``reason`` as in the log, ``reply`` what the client would hear, ``header`` ours or empty."""

    verdict: str
    reason: str
    would: str
    reply: str
    header: str


def rehearse(rules: Rules, clock: Clock, letter: SampleMessage) -> Rehearsal:
    """Take ``letter`` through the inbound flow."""
    heard = LastDecision()
    guesses = GuessTable(bytearray(TABLE_OCTETS), b"rehearsal")
    unthrottled = replace(rules, verify=replace(rules.verify, forged_per_minute=0))
    service = Service(unthrottled, guesses, NoStore(), None, clock, heard)
    connection = Connection(lambda: service, letter.client)
    connection.mail(f"<{letter.sender}>")
    verdict = connection.rcpt(f"<{letter.recipient}>", None, over_smtp=True)
    if isinstance(verdict, Accept) and heard.decision is not None:
        for name, value in letter.fields:
            connection.header(name, value.lstrip(" "))
        connection.body(letter.body)
        verdict = connection.end_of_message("")
        connection.done()
    return _outcome(verdict, heard.decision)


def _outcome(verdict: Verdict, decision: Decision | None) -> Rehearsal:
    if decision is None:
        return Rehearsal("accept", ORDINARY, "", "250", "")
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
