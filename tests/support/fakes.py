"""Fakes of store, clock and telemetry, and an installation with fixed keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.config.store import read_store
from reply_milter.config.verify import read_verify
from reply_milter.core.encoding.toml_table import Table
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.core.token.verify import Facts
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.flows.service import Rules, Service
from reply_milter.ports import Claim, Claimed, Decision, Replay, StoreUnavailableError

NOW = 1767225600  # 2026-01-01T00:00:00Z
DOMAIN = "reply.test"
REALM = "test"
SEAL_KEY = bytes(range(100, 132))
FORM = AddressForm("reply", "+", DOMAIN, frozenset({DOMAIN}))
KEYRING = Keyring(REALM, (MasterKey("k1", KeyState.ACTIVE, bytes(range(32))),))
ISSUE = Handler(1, "issue", ContextKind.THREAD, 90, True, "https://example.com/expired", Policy())
FORUM = Handler(2, "forum", ContextKind.INTEGER, 30, True, "", Policy())
AUTHOR = "jane@example.org"


@dataclass(slots=True)
class FixedClock:
    """A clock that a test sets."""

    time: int = NOW

    def now(self) -> int:
        """Return the time that was set."""
        return self.time


@dataclass(slots=True)
class Kept:
    """The record of one message in a token's hash."""

    content: bytes
    owner: bytes
    committed: bool = False


@dataclass(slots=True)
class MemoryStore:
    """The store in a dict. ``down``: it is unavailable. Tests fill its sets and dicts."""

    down: bool = False
    disabled_users: set[int] = field(default_factory=set)
    addresses: dict[int, tuple[str, ...]] = field(default_factory=dict)
    revoked_tokens: set[str] = field(default_factory=set)
    users_revoked_before: dict[int, int] = field(default_factory=dict)
    objects_revoked_before: dict[tuple[int, int], int] = field(default_factory=dict)
    all_revoked_before: int = 0
    tokens: dict[str, dict[str, Kept]] = field(default_factory=dict)
    authors: dict[str, list[bytes]] = field(default_factory=dict)
    wrong_authors: dict[str, list[bytes]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    originals: dict[str, StoredOriginal] = field(default_factory=dict)
    disabled_pseudo_users: set[int] = field(default_factory=set)
    addresses_of_pseudo_users: dict[int, tuple[str, ...]] = field(default_factory=dict)
    pseudo_users_revoked_before: dict[int, int] = field(default_factory=dict)

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """See ``ports.Store``."""
        self._answer("facts")
        facts = self._facts(user, handler, context, token_id, wrapped)
        return facts._replace(original=self.originals.get(token_id)) if wrapped else facts

    def _facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool) -> Facts:
        disabled = self.disabled_pseudo_users if wrapped else self.disabled_users
        revoked = self.pseudo_users_revoked_before if wrapped else self.users_revoked_before
        addresses = self.addresses_of_pseudo_users if wrapped else self.addresses
        return Facts(
            user_disabled=user in disabled,
            token_revoked=token_id in self.revoked_tokens,
            user_revoked_before=revoked.get(user, 0),
            object_revoked_before=self.objects_revoked_before.get((handler, context), 0),
            all_revoked_before=self.all_revoked_before,
            addresses=addresses.get(user, ()),
        )

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``."""
        self._answer("claim")
        facts = None
        if (about := claim.about) is not None:
            facts = self._facts(about.user, about.handler, about.context, claim.token_id, claim.wrapped)
        guessed, counted, last = self._tried(claim)
        told = self._claimed(claim, guessed)
        return told._replace(counted=counted, last=last, facts=facts)

    def _tried(self, claim: Claim) -> tuple[bool, bool, bool]:
        tries = claim.tries
        if tries is None:
            return False, False, False
        known = self.wrong_authors.get(claim.token_id, [])
        if len(known) >= tries.most:
            return True, False, False
        if not tries.wrong or tries.wrong in known:
            return False, False, False
        self.wrong_authors[claim.token_id] = [*known, tries.wrong]
        return False, True, len(known) + 1 >= tries.most

    def _claimed(self, claim: Claim, guessed: bool) -> Claimed:
        if not claim.takes:
            return Claimed(None, guessed=guessed)
        messages = self.tokens.setdefault(claim.token_id, {})
        kept = messages.get(claim.message_tag)
        if kept is None:
            refused = guessed and claim.tries is not None and claim.tries.refuses
            if refused:
                return Claimed(None, guessed=True)
            return self._claim_new(claim, messages)._replace(guessed=guessed)
        if kept.content != claim.content:
            return Claimed(Replay.REPLAYED, guessed=guessed)
        if kept.committed:
            return Claimed(Replay.DUPLICATE)
        return Claimed(Replay.FIRST if kept.owner == claim.owner else Replay.RETRY)

    def _claim_new(self, claim: Claim, messages: dict[str, Kept]) -> Claimed:
        authors = self.authors.setdefault(claim.token_id, [])
        spent = claim.replies is not None and len(messages) >= claim.replies.most
        leaked = claim.senders is not None and claim.author not in authors and len(authors) >= claim.senders.most
        if any(other.content == claim.content for other in messages.values()):
            return Claimed(Replay.REPLAYED, spent, leaked)
        limits = ((claim.replies, spent), (claim.senders, leaked))
        if any(limit is not None and limit.refuses and over for limit, over in limits):
            return Claimed(None, spent, leaked)
        messages[claim.message_tag] = Kept(claim.content, claim.owner)
        if claim.senders is not None and claim.author not in authors and not leaked:
            authors.append(claim.author)
        return Claimed(Replay.FIRST, spent, leaked)

    def release(self, claim: Claim) -> None:
        """See ``ports.Store``."""
        self._answer("release")
        messages = self.tokens.get(claim.token_id, {})
        if messages.get(claim.message_tag) == Kept(claim.content, claim.owner):
            del messages[claim.message_tag]

    def commit(self, identifier: str) -> bool:
        """See ``ports.Store``."""
        self._answer("commit")
        kept = self.tokens.get(identifier[:13], {}).get(identifier[13:])
        if kept is not None:
            kept.committed = True
        return kept is not None

    def keep_originals(self, originals: Mapping[str, StoredOriginal], kept_until: int) -> None:
        """See ``ports.MintingStore``."""
        self._answer("keep_original")
        self.originals.update(originals)

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """See ``ports.Store``."""
        for identifier in identifiers:
            self.commit(identifier)

    def _answer(self, call: str) -> None:
        self.calls.append(call)
        if self.down:
            raise StoreUnavailableError("timeout", f"{call}: switched off")


@dataclass(slots=True)
class MemoryMark:
    """Remembers the handlers of which a wrapped notification has left."""

    noted: set[int] = field(default_factory=set)

    def note(self, handler_id: int) -> None:
        """See ``ports.WrappedMark``."""
        self.noted.add(handler_id)

    def has_left(self, handler_id: int) -> bool:
        """See ``ports.WrappedMark``."""
        return handler_id in self.noted


@dataclass(slots=True)
class RecordingCommits:
    """Keeps the ids to commit."""

    settled: list[str] = field(default_factory=list)

    def enqueue(self, identifier: str) -> None:
        """See ``ports.DelayedCommits``."""
        self.settled.append(identifier)


@dataclass(slots=True)
class RecordingTelemetry:
    """Keeps what was reported."""

    recipients: list[Decision] = field(default_factory=list)
    messages: list[Decision] = field(default_factory=list)
    replays: list[Replay] = field(default_factory=list)
    wrong_authors: list[bool] = field(default_factory=list)
    disagreements: int = 0
    stripped: list[int] = field(default_factory=list)
    ages: list[int] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)

    def recipient(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self.recipients.append(decision)

    def message(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self.messages.append(decision)

    def replay(self, outcome: Replay) -> None:
        """See ``ports.Telemetry``."""
        self.replays.append(outcome)

    def wrong_author(self, last: bool) -> None:
        """See ``ports.Telemetry``."""
        self.wrong_authors.append(last)

    def address_disagreement(self) -> None:
        """See ``ports.Telemetry``."""
        self.disagreements += 1

    def headers_stripped(self, count: int) -> None:
        """See ``ports.Telemetry``."""
        self.stripped.append(count)

    def key_used(self, master_id: str, now: int) -> None:
        """See ``ports.Telemetry``."""
        self.keys[master_id] = now

    def token_age(self, seconds: int) -> None:
        """See ``ports.Telemetry``."""
        self.ages.append(seconds)


def rules(actions: Mapping[Reason, Action] | None = None, observe: bool = False, **changes: Any) -> Rules:
    """Return the rules of an installation with both handlers; ``actions`` override the default policy."""
    policy = Policy(observe, actions or {})
    plain = Rules(
        form=FORM,
        keyring=KEYRING,
        handlers=Handlers.of([replace(ISSUE, policy=policy), replace(FORUM, policy=policy)]),
        policy=policy,
        seal_keys=(SEAL_KEY,),
        verify=replace(read_verify(Table({}, "verify", []), None, False), place=None, max_message_bytes=1_000_000),
        store=read_store(Table({}, "store", []), "/nowhere"),
        organisational=organisational_domains(),
    )
    return changed(plain, **changes)


def changed(given: Rules, **changes: Any) -> Rules:
    """Return ``given`` with other values, of its own or of its tables."""
    tables = {}
    for name in ("verify", "store"):
        table = getattr(given, name)
        keys = [key for key in changes if hasattr(table, key)]
        tables[name] = replace(table, **{key: changes.pop(key) for key in keys})
    return replace(given, **tables, **changes)


def service(store: MemoryStore | None = None, given: Rules | None = None) -> Service:
    """Return a service on fakes, with recording telemetry and commits."""
    return Service(
        rules=given or rules(),
        guesses=GuessTable(bytearray(TABLE_OCTETS), b"secret"),
        store=store if store is not None else MemoryStore(),
        commits=RecordingCommits(),
        clock=FixedClock(),
        telemetry=RecordingTelemetry(),
    )


def minted(handler: Handler = ISSUE, form: AddressForm = FORM, **order: Any) -> MintedAddress:
    """Mint an address for user 42, a day ago and bound to AUTHOR, unless ``order`` has other values."""
    about = {"context": 7} if handler.context is ContextKind.INTEGER else {"locator": "project/issue/12"}
    given = {"user": 42, "now": NOW - 86400, "recipient": AUTHOR, "unique": "x", **about, **order}
    return mint(Order(**given), handler, KEYRING, form)
