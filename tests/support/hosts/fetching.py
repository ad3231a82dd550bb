"""A host that fetches replies from a mailbox, for tests of that flow: both other flows are real, stores are fakes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from reply_milter.adapters.state_dir.mailboxes import MailboxRecord
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.core.token.mint import MintedAddress
from reply_milter.flows.fetching.look import look
from reply_milter.flows.fetching.service import FetchRules, FetchService
from reply_milter.flows.service import Rules
from reply_milter.ports.fetching import FetchReport
from reply_milter.ports.mailbox import MailboxUnavailableError
from tests.support.fake_mailbox import FakeMailbox
from tests.support.fakes import AUTHOR, MemoryStore, RecordingTelemetry, minted, rules, service
from tests.support.hosts.dialogue import BODY, reply_fields
from tests.support.hosts.hooked import Hooked, hooked

RECEIVED = ("Received", " from client.example by mx.example; Thu, 01 Jan 2026 00:00:00 +0000")
IDENTITY = "imap.test/inbound/INBOX"


class ObservedMailbox(FakeMailbox):
    """A mailbox in memory. ``before`` is called with the name of each method; what it raises, the method raises."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[str], None] = lambda _name: None

    def append(self, message: bytes) -> None:
        """Let a message arrive."""
        self.deliver(message)

    def renumber(self) -> None:
        """Give each message another UID, as after a restore from a backup."""
        self.uidvalidity += 1
        kept, self.messages, self._next = list(self.messages.values()), {}, 1
        for message in kept:
            self.deliver(message)

    def _call(self, name: str) -> None:
        super()._call(name)
        try:
            self.before(name)
        except MailboxUnavailableError:
            self.close()
            raise


@dataclass
class RecordingFetches:
    """Keeps what was reported."""

    reports: list[FetchReport] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    connects: int = 0
    accidents: int = 0

    def started(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""

    def fetched(self, report: FetchReport) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self.reports.append(report)

    def looked(self, now: int) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self.looks.append(now)

    def connected(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self.connects += 1

    def disconnected(self, why: str, seconds: float) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self.waits.append(seconds)

    def internal_error(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self.accidents += 1


@dataclass
class MemoryTurns:
    """Turns at one mailbox. ``shared``: what all hosts have in common. tests/contract/test_mailbox_turns.py."""

    host: str = "one"
    shared: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """See ``ports.fetching.MailboxTurns``."""
        ours = self._take()
        try:
            yield ours
        finally:
            if ours and self.shared.get("") == self.host:
                del self.shared[""]

    def became_of(self, identifiers: Sequence[str]) -> Mapping[str, FetchVerdict] | None:
        """See ``ports.fetching.MailboxTurns``."""
        if not self._take():
            return None
        return {one: FetchVerdict(self.shared[one]) for one in identifiers if one in self.shared}

    def note(self, identifier: str, verdict: FetchVerdict) -> None:
        """See ``ports.fetching.MailboxTurns``."""
        self.shared[identifier] = verdict

    def forget(self, identifiers: Sequence[str]) -> None:
        """See ``ports.fetching.MailboxTurns``."""
        for one in identifiers:
            self.shared.pop(one, None)

    def _take(self) -> bool:
        return self.shared.setdefault("", self.host) == self.host


def mail(fields: Sequence[tuple[str, str]], body: bytes = BODY) -> bytes:
    """A message as an IMAP server gives it."""
    lines = "".join(f"{name}:{value}\r\n" for name, value in fields)
    return lines.encode("utf-8", "surrogateescape") + b"\r\n" + body


def delivered(address: str, fields: Sequence[tuple[str, str]], body: bytes = BODY, sender: str = AUTHOR) -> bytes:
    """A message as the last host of a provider stores it."""
    traces = [("Return-Path", f" <{sender}>"), ("Delivered-To", f" {address}"), RECEIVED]
    return mail([*traces, *fields], body)


def reply(answered: MintedAddress, identifier: str = "<1@client.example>", author: str = AUTHOR) -> bytes:
    """A genuine reply as it lies in the mailbox."""
    return delivered(answered.address, reply_fields(answered, identifier, author))


@dataclass
class Fetching:
    """A mailbox and all around it. The store is the milter's and the hook's."""

    folder: Path
    given: Rules = field(default_factory=rules)
    field_name: str = "delivered-to"
    deletes: bool = False
    most: int = 100_000
    mailbox: ObservedMailbox = field(default_factory=ObservedMailbox)
    turns: MemoryTurns = field(default_factory=MemoryTurns)

    def __post_init__(self) -> None:
        self.hook: Hooked = hooked(self.folder)
        self.told = RecordingFetches()
        self.store: MemoryStore = self.hook.store
        given = replace(self.given, parks_in_hook=True, hook_commits=True)
        milter = replace(service(self.store, given), commits=None, clock=self.hook.clock)
        self.service = FetchService(
            rules=FetchRules(IDENTITY, self.field_name, "" if self.deletes else "Done", "Rejected", self.most),
            verifying=milter,
            delivering=replace(self.hook.service, store=None),
            mailbox=self.mailbox,
            record=MailboxRecord(self.hook.record.parent, IDENTITY),
            turns=self.turns,
            telemetry=self.told,
            side_by_side=lambda call, several: [call(one) for one in several],
        )

    def look(self, seconds: int = 0) -> bool:
        """Look at the mailbox, ``seconds`` after the last time."""
        self.hook.clock.time += seconds
        return look(self.service, self.mailbox.open().uidvalidity)

    def arrive(self, **order: Any) -> MintedAddress:
        """Let a genuine reply arrive."""
        answered = minted(**order)
        self.mailbox.append(reply(answered))
        return answered

    @property
    def verdicts(self) -> list[str]:
        """Return what was reported of messages."""
        return [str(one.verdict) for one in self.told.reports]

    @property
    def handed(self) -> int:
        """Return how often the application got a reply."""
        return len(self.hook.deliverer.replies)

    @property
    def committed(self) -> int:
        """Return how many claims are committed."""
        return sum(kept.committed for one in self.store.tokens.values() for kept in one.values())

    @property
    def decisions(self) -> RecordingTelemetry:
        """Return what the milter's flow reported."""
        return cast(RecordingTelemetry, self.service.verifying.telemetry)
