"""A delivery hook for tests of its flows: real record and dead letters in a folder, a scripted handler, no network."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from reply_milter.adapters.state_dir.dead_letters import DeadLetterFolder
from reply_milter.adapters.state_dir.deliveries import SqliteLedger, SqliteParking, SqliteQuestions, open_database
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.parked import Room
from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.seal.verdict_header import seal
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.flows.delivering.service import HookRules, HookService
from reply_milter.ports import UserRecord
from reply_milter.ports.delivery import MailSenderError
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport
from reply_text import Limits
from tests.support.fakes import DOMAIN, FORM, FORUM, ISSUE, KEYRING, NOW, SEAL_KEY, FixedClock, MemoryStore

CONFIRM = Handler(1023, "confirm", ContextKind.INTEGER, 7, True, "", Policy())
ROOM = Room(user_replies=20, user_octets=1 << 20, replies=50, octets=2 << 20)
ID = "abcdefghijklm" + "nopqrstuvwxyz"
TAGS = {
    "v": "1", "result": "pass", "reason": "ok", "id": ID, "user": "42", "handler": "issue", "context": "99",
    "thread": "match", "locator": "project/issue/12", "replied_to": str(NOW - 86400), "sender": "match", "auth": "none",
    "replay": "first", "issued": str(NOW - 86400), "expires": str(NOW + 89 * 86400), "recipient_domain": DOMAIN,
    "queue": "4BcD",
}  # fmt: skip


def sealed(
    text: str = "Yes.", author: str = "jane@example.org", key: bytes = SEAL_KEY, more: str = "", **changes: str
) -> Envelope:
    """Return a reply as the milter seals it; an empty change removes the tag. ``more``: further fields, with CRLF."""
    body = f"{text}\r\n".encode()
    digest = BodyDigest()
    digest.feed(body)
    tags = {**TAGS, **changes, "body": changes.get("body", digest.text())}
    head = f"X-Reply-Verdict: {seal(tags.items(), key)}\r\nFrom: {author}\r\nSubject: Re: news\r\n{more}\r\n"
    return Envelope("bounce@example.org", f"reply+x@{DOMAIN}", head.encode() + body)


@dataclass
class ScriptedDeliverer:
    """Returns the scripted outcomes; None, or an empty script, is Done."""

    name: str = "scripted"
    description: str = "for tests"
    script: list[DeliveryOutcome | BaseException | Callable[[Reply], DeliveryOutcome] | None] = field(
        default_factory=list
    )
    replies: list[Reply] = field(default_factory=list)

    def process(self, reply: Reply) -> DeliveryOutcome | None:
        """See ``ports.delivery.Deliverer``."""
        self.replies.append(reply)
        told = self.script.pop(0) if self.script else None
        if isinstance(told, BaseException):
            raise told
        return told(reply) if callable(told) else told


@dataclass
class RecordingSender:
    """Keeps the mail to send."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    down: bool = False

    def send(self, recipient: str, message: bytes) -> None:
        """See ``ports.delivery.MailSender``."""
        if self.down:
            raise MailSenderError("switched off")
        self.sent.append((recipient, message))


@dataclass
class MemoryAddressBook:
    """Users in a dict."""

    users: dict[int, UserRecord] = field(default_factory=dict)

    def user(self, user: int, wrapped: bool = False) -> UserRecord | None:
        """See ``ports.delivery.AddressBook``."""
        return self.users.get(user)


@dataclass
class RecordingDeliveries:
    """Keeps what was reported."""

    reports: list[DeliveryReport] = field(default_factory=list)
    waiting: int = 0
    octets: int = 0
    unasked: list[str] = field(default_factory=list)
    accidents: int = 0

    def delivery(self, report: DeliveryReport) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self.reports.append(report)

    def parked(self, count: int, octets: int) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self.waiting, self.octets = count, octets

    def not_asked(self, identifier: str, why: str) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self.unasked.append(why)

    def internal_error(self) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self.accidents += 1

    @property
    def outcomes(self) -> list[DeliveryEvent]:
        """Return the outcomes, in order."""
        return [report.outcome for report in self.reports]


@dataclass
class Hooked:
    """A hook and everything around it."""

    service: HookService
    deliverer: ScriptedDeliverer
    store: MemoryStore
    mail_sender: RecordingSender
    address_book: MemoryAddressBook
    clock: FixedClock
    told: RecordingDeliveries
    record: Path
    standings: MemoryStore


def hooked(folder: Path) -> Hooked:
    """Make a hook with a scripted deliverer for the handler ``issue``, and none for ``forum``."""
    database = open_database(str(folder))
    deliverer, store, mail_sender = ScriptedDeliverer(), MemoryStore(), RecordingSender()
    standings = MemoryStore()
    numbers = itertools.count()
    address_book, clock, told = MemoryAddressBook(), FixedClock(), RecordingDeliveries()
    rules = HookRules(
        form=FORM,
        keyring=KEYRING,
        seal_keys=(bytes(32), SEAL_KEY),
        handlers=Handlers.of([ISSUE, FORUM, CONFIRM]),
        marker="",
        limits=Limits(),
        give_up_seconds=3600,
        confirming=CONFIRM,
        asks_as=f"Replies <no-reply@{DOMAIN}>",
        contact=f"postmaster@{DOMAIN}",
        room=ROOM,
    )
    service = HookService(
        rules=rules,
        deliverers={"issue": deliverer},
        ledger=SqliteLedger(database),
        parking=SqliteParking(database),
        questions=SqliteQuestions(database),
        dead_letters=DeadLetterFolder(str(folder / "dead")),
        store=store,
        standings=standings,
        address_book=address_book,
        mail_sender=mail_sender,
        clock=clock,
        telemetry=told,
        unique=lambda: f"u{next(numbers)}",
    )
    return Hooked(service, deliverer, store, mail_sender, address_book, clock, told, database.path, standings)


def without_store(hook: Hooked) -> HookService:
    """Return the same for a milter that commits by itself."""
    return replace(hook.service, store=None)
