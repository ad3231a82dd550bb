"""Whose mail is wrapped, and what is answered where that can't be done."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest

from reply_milter.config.sign import SignSettings
from reply_milter.core.mail import headers
from reply_milter.core.mail.edited import edited
from reply_milter.core.mail.headers import Delete
from reply_milter.core.notification.application import Application, digest
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.verdict import Accept, Defer, Reject, Verdict
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.flows.service import MintingRules, MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.ports import Decision, Lack, Login, Minting, Notification
from tests.support.fakes import FORM, ISSUE, KEYRING, FixedClock, MemoryMark, MemoryStore
from tests.support.wrapped_mail import JANE, JOURNAL, handler_of, unwrapped

KEY = "AGCQVBAEAFIKZ" + "B4KJ2ME7QX3N" * 5 + "AA"
NATIVE = f"incoming+{KEY}@git.example.com"
MAIL = [
    ("From", "Anna <noreply@git.example.com>"),
    ("Message-ID", "<shop/issues/7@git.example.com>"),
    ("Reply-To", NATIVE),
    ("Subject", "Printer"),
]
GITEA = handler_of("gitea")
LOCAL = Application("git", frozenset({"gitea", "issue"}), networks=(ip_network("192.0.2.7/32"),))


@dataclass
class Host:
    """A sign milter, and one client of it."""

    handlers: Sequence[Handler] = (GITEA, ISSUE)
    applications: tuple[Application, ...] = (LOCAL,)
    client: str = "192.0.2.7"
    login: str = ""
    sender: str = "<noreply@git.example.com>"
    store: MemoryStore = field(default_factory=MemoryStore)
    mark: MemoryMark = field(default_factory=MemoryMark)
    told: list[Notification] = field(default_factory=list)
    natives: list[Decision] = field(default_factory=list)

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""
        self.told.append(notification)

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""
        self.natives.append(decision)

    def rcpt(self, recipient: str) -> Verdict:
        """The answer to one recipient of a message."""
        rules = MintingRules(FORM, KEYRING, Handlers.of(self.handlers), SignSettings(None, (), self.applications))
        service = MintingService(rules, FixedClock(), self, lambda: "u1", self.store, self.mark)
        submission = Submission(lambda: service, self.client)
        submission.mail(self.sender, Login(self.login))
        return submission.rcpt(f"<{recipient}>", None, True)

    def send(self, fields: Sequence[tuple[str, str]], *recipients: str) -> Verdict:
        """A whole message; the answer to its final dot."""
        rules = MintingRules(FORM, KEYRING, Handlers.of(self.handlers), SignSettings(None, (), self.applications))
        service = MintingService(rules, FixedClock(), self, lambda: "u1", self.store, self.mark)
        submission = Submission(lambda: service, self.client)
        submission.mail(self.sender, Login(self.login))
        for recipient in recipients or (JANE,):
            submission.rcpt(f"<{recipient}>", None, True)
        for name, value in fields:
            submission.header(name, value)
        verdict = submission.end_of_message("4Q1")
        submission.done()
        return verdict

    def left(self, fields: Sequence[tuple[str, str]], *recipients: str) -> list[tuple[str, str]]:
        """The header that leaves."""
        verdict = self.send(fields, *recipients)
        assert isinstance(verdict, Accept), verdict
        return edited(fields, verdict.edits)

    def wraps(self, fields: Sequence[tuple[str, str]] = tuple(MAIL)) -> bool:
        """Whether a message leaves without its native address; else it must leave as it came."""
        left = self.left(fields)
        assert (left == list(fields)) == (NATIVE in dict(left).values())
        return left != list(fields)


def test_a_notification_leaves_wrapped() -> None:
    """It is told, the store has a copy, and the mark is set."""
    host = Host()
    left = dict(host.left(MAIL, JANE, JOURNAL))
    plain = unwrapped(left["Reply-To"], left["References"])
    assert (plain.original, plain.recipient) == (NATIVE, JANE)
    (told,) = host.told
    assert (told.outcome, told.handler, told.application, told.lacks) == (Minting.WRAPPED, "gitea", "git", ())
    assert told.stored
    kept = host.store.originals[told.token_id]
    assert kept.message_id == "shop/issues/7@git.example.com"
    assert isinstance(kept, StoredOriginal) and left["References"].startswith("<w1.")
    assert host.mark.has_left(20) and not host.mark.has_left(1)


_BY_LOGIN = replace(LOCAL, logins=frozenset({"git"}))
_WITH_SECRET = replace(LOCAL, secret_file="x", secret=digest("S" * 16))  # noqa: S106 # a file's name


@pytest.mark.parametrize(
    ("changes", "applies"),
    [
        ({}, True),
        ({"client": "192.0.2.8"}, False),
        ({"client": ""}, False),
        ({"client": "192.0.2.8", "login": "git", "applications": (replace(_BY_LOGIN, networks=()),)}, True),
        ({"applications": (_BY_LOGIN,)}, False),
        ({"applications": ()}, False),
        ({"applications": (), "login": "anybody"}, False),
        ({"applications": (replace(LOCAL, handlers=frozenset({"issue"})),)}, False),
        ({"applications": (_WITH_SECRET,)}, True),
        ({"applications": (replace(_WITH_SECRET, networks=()),)}, False),
        ({"applications": (Application("other", frozenset(), networks=LOCAL.networks), LOCAL)}, True),
        ({"sender": "<form@example.com>"}, True),
        ({"sender": "<>"}, True),
        ({"handlers": (ISSUE,)}, False),
    ],
)  # fmt: skip
def test_only_an_application_that_is_known_by_login_or_network(changes: dict[str, object], applies: bool) -> None:
    """And names the handler: what others send is left alone, a native key or not. No secret is asked for."""
    host = Host(**changes)  # type: ignore[arg-type]
    assert host.wraps() is applies
    assert bool(host.told) is bool(host.store.calls) is host.mark.has_left(20) is applies


@pytest.mark.parametrize(
    ("sender", "author", "applies"),
    [
        ("<noreply@git.example.com>", "form@example.com", True),
        ("<form@example.com>", "Anna <NoReply+7@GIT.example.com>", True),
        ("<form@example.com>", "form@example.com", False),
        ("<form@example.com>", '"noreply@git.example.com" <form@example.com>', False),
    ],
)
def test_only_what_its_notifications_are_from(sender: str, author: str, applies: bool) -> None:
    """Envelope sender or author: a contact form of the host gets nobody's key wrapped."""
    assert Host(sender=sender).wraps([("From", author), *MAIL[1:]]) is applies


@pytest.mark.parametrize(
    ("fields", "recipients", "reply"),
    [
        ([], (JANE, "bob@example.org"), "550 5.5.3 gitea: only one recipient per message"),
        ([], (JOURNAL,), "550 5.5.3 gitea: all its recipients are copies"),
        ([], ('"odd one"@example.org',), "550 5.6.0 gitea: the recipient's address is spelled"),
        ([("Received", "from a by b")], (), "550 5.6.0 gitea: it has a Received, Delivered-To or Resent-* field"),
        ([("Resent-To", "a@b.test")], (), "550 5.6.0 gitea: it has a Received, Delivered-To or Resent-* field"),
        ([("X-Reply-Mint", "handler=issue; user=1; context=7; key=x")], (), "550 5.6.0 X-Reply-Mint: "),
        ([("X-Hash", KEY)], (), "550 5.6.0 gitea: X-Hash holds the application's reply address"),
        ([("DKIM-Signature", "v=1; h=reply-to; b=x")], (), "550 5.6.0 gitea: a DKIM-Signature covers a field"),
        ([("X", "1")] * 2001, (), "550 5.6.0 gitea: its header is too large: at most 2000 fields and 256 KiB"),
        ([("X", "1" * 263_000)], (), "550 5.6.0 gitea: its header is too large: at most 2000 fields and 256 KiB"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(
    fields: list[tuple[str, str]], recipients: tuple[str, ...], reply: str
) -> None:
    """With the reason; nothing is stored or marked. In observe mode it leaves as it came, and is told."""
    host = Host()
    verdict = host.send([*MAIL, *fields], *recipients)
    assert isinstance(verdict, Reject) and str(verdict.reply).startswith(reply)
    assert KEY not in str(verdict.reply)
    assert [told.outcome for told in host.told] == [Minting.REFUSED]
    assert not host.store.originals and not host.mark.noted
    if "X-Reply-Mint" not in dict(fields):
        watching = Host(handlers=(handler_of("gitea", observe=True),))
        assert watching.send([*MAIL, *fields], *recipients) == Accept()
        assert [told.outcome for told in watching.told] == [Minting.WOULD_REFUSE]
        assert watching.told[0].problem and not watching.store.calls


def test_a_header_that_is_too_large_is_known_by_its_author_all_the_same() -> None:
    """Wherever From stands; of others it is left alone."""
    flood = [("X", "1")] * 2001
    host = Host(sender="<other@git.example.com>")
    assert isinstance(host.send([*flood, *MAIL]), Reject)
    assert host.send([*flood, ("From", "form@example.com")]) == Accept()


def test_a_request_that_was_not_granted_is_told_as_such() -> None:
    """The application is known and asks, from elsewhere."""
    host = Host(applications=(replace(LOCAL, handlers=frozenset({"gitea"})),))
    asking = ("X-Reply-Mint", "handler=issue; user=1; locator=a/1")
    verdict = host.send([*MAIL, asking, ("List-Id", "<git>")])
    assert isinstance(verdict, Reject) and "X-Reply-Mint" in str(verdict.reply)
    assert verdict.edits == (Delete("X-Reply-Mint", 1),)


def test_a_granted_request_wins() -> None:
    """Its Reply-To stands, and nothing is wrapped."""
    host = Host()
    left = dict(host.left([*MAIL, ("X-Reply-Mint", "handler=issue; user=1; locator=a/1")]))
    assert left["Reply-To"] != NATIVE and "w1." not in left["References"]
    assert [told.outcome for told in host.told] == [Minting.MINTED]


def test_no_application_asks_for_a_wrapped_handler() -> None:
    """Its addresses stand for the application's own, and for nothing else."""
    verdict = Host().send([*MAIL, ("X-Reply-Mint", "handler=gitea; user=1; locator=a/1")])
    assert isinstance(verdict, Reject) and "the handler gitea is wrapped" in str(verdict.reply)


def test_a_store_that_is_away_keeps_no_notification() -> None:
    """The capsule holds all; what is missing is told."""
    host = Host(store=MemoryStore(down=True))
    assert host.wraps()
    assert host.told[0].lacks == (Lack.COPY,) and host.told[0].outcome is Minting.WRAPPED and not host.told[0].stored
    spared = Host(handlers=(handler_of("gitea", store=False),), store=MemoryStore(down=True))
    assert spared.wraps() and spared.told[0].lacks == () and spared.store.calls == []


def _tall(**changes: object) -> tuple[Handler, list[tuple[str, str]]]:
    domain = f"{'long.' * 30}example.com"
    handler = handler_of("gitea", address=f"incoming+{{key}}@{domain}", **changes)  # type: ignore[arg-type]
    return handler, [("From", "noreply@git.example.com"), MAIL[1], ("Reply-To", f"incoming+{KEY}@{domain}")]


def test_without_a_capsule_the_store_must_take_it() -> None:
    """Else the client tries again: 451."""
    handler, fields = _tall()
    host = Host(handlers=(handler,))
    assert "References" not in dict(host.left(fields))
    assert host.told[0].lacks == (Lack.CAPSULE,) and host.store.originals
    host = Host(handlers=(handler,), store=MemoryStore(down=True))
    verdict = host.send(fields)
    assert isinstance(verdict, Defer) and verdict.reply.code == "451"
    assert [told.outcome for told in host.told] == [Minting.DEFERRED] and not host.mark.noted
    assert host.told[0].lacks == (Lack.CAPSULE, Lack.COPY)


@pytest.mark.parametrize("changes", [{"store": False}, {}])
def test_without_a_capsule_and_ever_a_copy_it_is_refused(changes: dict[str, object]) -> None:
    """To try again would not help: the store is not to be used, or there is no Message-ID to know the reply by."""
    handler, fields = _tall(**changes)
    verdict = Host(handlers=(handler,)).send([one for one in fields if changes or one[0] != "Message-ID"])
    assert isinstance(verdict, Reject) and "set store = true" in str(verdict.reply)


def test_in_observe_mode_nothing_is_changed() -> None:
    """Neither header nor store nor mark; what would be is told."""
    host = Host(handlers=(handler_of("gitea", observe=True),))
    assert not host.wraps()
    assert [(told.outcome, told.handler) for told in host.told] == [(Minting.WOULD_WRAP, "gitea")]
    assert not host.store.calls and not host.mark.noted


def test_two_handlers_of_one_application_wrap_one_message() -> None:
    """Each its own addresses, into one header; one that observes changes nothing of the other's."""
    desk = replace(handler_of("generic", address="desk+{key}@git.example.com", key="[0-9a-f]{32}"), id=21)
    applications = (replace(LOCAL, handlers=frozenset({"gitea", "generic"})),)
    fields = [*MAIL[:2], ("Reply-To", f"{NATIVE}, desk+{'0f' * 16}@git.example.com")]
    host = Host(handlers=(GITEA, desk), applications=applications)
    left = dict(host.left(fields))
    one, other = left["Reply-To"].split(", ")
    originals = [unwrapped(ours, left["References"]).original for ours in (one, other)]
    assert originals == [NATIVE, f"desk+{'0f' * 16}@git.example.com"]
    assert host.mark.noted == {20, 21}
    watching = replace(desk, policy=replace(desk.policy, observe=True))
    host = Host(handlers=(GITEA, watching), applications=applications)
    assert dict(host.left(fields))["Reply-To"].endswith(f", desk+{'0f' * 16}@git.example.com")
    assert [told.outcome for told in host.told] == [Minting.WRAPPED, Minting.WOULD_WRAP]


def test_what_postfix_would_have_taken_off_still_goes() -> None:
    """Return-Path is counted for itself."""
    left = Host().left([("Return-Path", f"<{NATIVE}>"), *MAIL])
    assert "Return-Path" not in dict(left) and NATIVE not in str(left)
    assert headers.DROPPED[0] == "Return-Path"


@pytest.mark.parametrize(
    ("handler", "noted", "answer"),
    [
        (GITEA, {20}, "550 5.7.1 Answer the notification that you got; your answer to its own address is enough"),
        (GITEA, set(), None),
        (replace(GITEA, policy=replace(GITEA.policy, observe=True)), {20}, None),
    ],
    ids=["something was wrapped", "nothing yet", "observe"],
)
def test_a_native_address_is_refused_here_as_well(handler: Handler, noted: set[int], answer: str | None) -> None:
    """Whoever submits mail here has no other road to the application's mailbox than on port 25."""
    host = Host((replace(handler, id=20), ISSUE), mark=MemoryMark(noted))
    verdict = host.rcpt(NATIVE)
    assert (str(verdict.reply) if isinstance(verdict, Reject) else None) == answer
    assert [one.sight for one in host.natives] == ([] if not noted else ["refused" if answer else "would_refuse"])
    assert isinstance(host.rcpt(JANE), Accept)
