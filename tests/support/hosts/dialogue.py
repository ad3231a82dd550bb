"""Whole SMTP transactions with the flows, on fakes, with the adapter's calls in the protocol's order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from reply_milter.core.mail.headers import VERDICT, Edit, Insert
from reply_milter.core.seal.verdict_header import SealProblem, unseal
from reply_milter.core.token.mint import MintedAddress
from reply_milter.core.verdict.verdict import Verdict
from reply_milter.flows.driving import drive, settled
from reply_milter.flows.service import Rules, Service
from reply_milter.flows.verifying.arrival import Content
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.flows.verifying.transaction import Transaction
from tests.support.fakes import AUTHOR, MemoryStore, RecordingCommits, RecordingTelemetry, service

Fields = Sequence[tuple[str, str]]
BODY = b"Yes, let us do that.\r\n"


def reply_fields(
    answered: MintedAddress, identifier: str = "<1@client.example>", author: str = AUTHOR
) -> list[tuple[str, str]]:
    """Return the header of a genuine reply."""
    threaded = [("In-Reply-To", f" <{answered.message_id}>")] if answered.message_id else []
    return [
        ("From", f" Jane <{author}>"),
        ("Date", " Thu, 01 Jan 2026 00:00:00 +0000"),
        ("Subject", " Re: a question"),
        ("Message-ID", f" {identifier}"),
        *threaded,
    ]


def without(fields: Fields, *names: str) -> list[tuple[str, str]]:
    """Return ``fields`` without those of these names."""
    return [(name, value) for name, value in fields if name not in names]


@dataclass
class Desk:
    """One SMTP client at a service on fakes."""

    given: Rules | None = None
    client: str = "192.0.2.1"
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.service: Service = service(self.store, self.given)
        self.connection = Connection(lambda: self.service, self.client)

    @property
    def telemetry(self) -> RecordingTelemetry:
        """Return the recording telemetry."""
        return cast(RecordingTelemetry, self.service.telemetry)

    @property
    def settled(self) -> list[str]:
        """Return the ids to commit."""
        return cast(RecordingCommits, self.service.commits).settled

    @property
    def content_kept(self) -> Content | None:
        """Return the header and body that the flow keeps; None if it drops them."""
        message = self.connection._transaction
        return getattr(message.state, "content", None) if isinstance(message, Transaction) else None

    def rcpt(self, address: str, resolved: str | None = None, over_smtp: bool = True, queue_id: str = "") -> Verdict:
        """Send one recipient in canonical spelling; ``resolved``: the MTA's reading, by default the same."""
        return settled(self.connection.rcpt(f"<{address}>", resolved or address.lower(), over_smtp, queue_id))

    def start(self, *recipients: str, sender: str = f"<{AUTHOR}>", over_smtp: bool = True) -> list[Verdict]:
        """Send MAIL and the recipients; return their answers."""
        self.connection.mail(sender)
        return [self.rcpt(address, over_smtp=over_smtp) for address in recipients]

    def content(self, fields: Fields, body: bytes = BODY) -> None:
        """Header and body."""
        for name, value in fields:
            self.connection.header(name, value)
        self.connection.body(body)

    def finish(self, fields: Fields, body: bytes = BODY, queue_id: str = "4Q1") -> Verdict:
        """Send header, body and the final dot, and carry out what follows the answer."""
        self.content(fields, body)
        verdict = self.end_of_message(queue_id)
        self.connection.done()
        return verdict

    def end_of_message(self, queue_id: str) -> Verdict:
        """Send the final dot."""
        return settled(self.connection.end_of_message(queue_id))

    def failed(self) -> None:
        """Say that the answer could not be given."""
        pending = self.connection.failed()
        if pending is not None:
            drive(pending.steps, pending.store)

    def send(self, answered: MintedAddress, fields: Fields | None = None, body: bytes = BODY) -> Verdict:
        """Send a whole message to one reply address; return the last answer."""
        self.start(answered.address)
        return self.finish(reply_fields(answered) if fields is None else fields, body)

    def tags(self, verdict: Verdict) -> dict[str, str]:
        """Return the tags of the sealed verdict that ``verdict`` inserts."""
        inserted = [edit.value for edit in edits(verdict) if isinstance(edit, Insert) and edit.name == VERDICT]
        opened = unseal(inserted, self.service.rules.seal_keys)
        assert not isinstance(opened, SealProblem), opened
        return opened


def edits(verdict: Verdict) -> Iterable[Edit]:
    """Return the edits of the message."""
    return cast(tuple[Edit, ...], getattr(verdict, "edits", ()))
