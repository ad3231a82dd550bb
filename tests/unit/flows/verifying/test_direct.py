"""Mail to an application's own addresses: every road to its mailbox is closed, or leads through the hook."""

import base64
from dataclasses import replace

import pytest

from reply_milter.core.mail.headers import RemoveRecipient
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.verdict import Accept, Defer, Reject
from reply_milter.core.wrapping.keys import open_original
from reply_milter.core.wrapping.plain import Plain
from reply_milter.flows.driving import settled
from tests.support.fakes import NOW, SEAL_KEY, MemoryMark, minted, rules
from tests.support.hosts.dialogue import Desk, edits, reply_fields
from tests.support.wrapping import KEY, NATIVE, OTHER_NATIVE, gitea, wrapped

ONE = wrapped()
OPEN, BOUNCE = "incoming+org-repo-issue@git.example.com", "incoming+verp-0a1b@git.example.com"
PASSING = gitea(native_passes_until=NOW + 86400)
MAIL = reply_fields(ONE.token)
ANSWER = [*MAIL, ("References", f" <{ONE.capsule}>")]
REFUSED = "550 5.7.1 Answer the notification that you got; your answer to its own address is enough"


def _desk(handler: Handler | None = None, has_wrapped: bool = True) -> Desk:
    given = rules()
    desk = Desk(replace(given, handlers=Handlers.of([*given.handlers.by_id.values(), handler or gitea()])))
    desk.service = replace(desk.service, mark=MemoryMark({20} if has_wrapped else set()))
    return desk


def _original(desk: Desk, verdict: object) -> tuple[str, Plain | None]:
    tags = desk.tags(verdict)  # type: ignore[arg-type]
    padded = tags["original"] + "=" * (-len(tags["original"]) % 4)
    return tags["class"], open_original([SEAL_KEY], tags["id"], tags["handler"], base64.urlsafe_b64decode(padded))


@pytest.mark.parametrize(
    ("address", "resolved"),
    [
        (NATIVE, None), (NATIVE.upper(), None), (OTHER_NATIVE, None), (f"incoming+{KEY[:-1]}a@git.example.com", None),
        ("incoming@git.example.com", None), ("incoming+@git.example.com", None), ("INCOMING@GIT.EXAMPLE.COM", None),
        ("incoming+anything@git.example.com", None), (f'"incoming+{KEY}"@git.example.com', NATIVE.lower()),
        (f"@relay.example:{NATIVE}", NATIVE.lower()), (f"incoming+{KEY}%git.example.com@mx.example.com", None),
        (f"{NATIVE}.", NATIVE.lower()), ("alias@example.com", NATIVE.lower()),
        (f"git.example.com!incoming+{KEY}", None),
    ],
)  # fmt: skip
def test_a_native_address_is_refused_in_every_spelling(address: str, resolved: str | None) -> None:
    """Whatever its key is: with it, without it, or the mailbox alone."""
    desk = _desk()
    desk.connection.mail("<jane@example.org>")
    verdict = settled(desk.connection.rcpt(f"<{address}>", resolved, over_smtp=True))
    assert isinstance(verdict, Reject)
    assert (verdict.reason, str(verdict.reply)) == ("native", REFUSED)


@pytest.mark.parametrize(
    "address",
    ["postmaster@git.example.com", "incomingx@git.example.com", "incoming+x@example.com", "in@git.example.com"],
)
def test_other_mail_of_the_domain_is_none_of_it(address: str) -> None:
    """Mail that is no reply is never harmed."""
    desk = _desk()
    assert desk.start(address) == [Accept()]
    assert desk.telemetry.recipients == []
    assert desk.finish(MAIL) == Accept()


def test_native_passes_until_its_day_and_is_sealed() -> None:
    """The hook gets it with the address that it came to, which stands in clear nowhere."""
    desk = _desk(PASSING)
    assert desk.start(NATIVE) == [Accept()]
    verdict = desk.finish(MAIL)
    assert _original(desk, verdict) == ("native", Plain(NATIVE, ""))
    assert KEY.lower() not in str(desk.tags(verdict)).lower()
    assert desk.store.calls == []


def test_native_binds_only_after_something_was_wrapped() -> None:
    """Until then every reply of today is one to a native address."""
    desk = _desk(has_wrapped=False)
    desk.start(NATIVE)
    assert _original(desk, desk.finish(MAIL))[0] == "native"


def test_an_answer_shows_that_something_was_wrapped() -> None:
    """Its notification may have left through another host."""
    desk = _desk(has_wrapped=False)
    desk.start(ONE.address)
    assert isinstance(desk.start(NATIVE)[0], Reject)


@pytest.mark.parametrize("handler", [PASSING, gitea()])
def test_the_mailbox_alone_never_passes(handler: Handler) -> None:
    """It names no object: an application then looks for a key in other fields."""
    assert isinstance(_desk(handler, has_wrapped=False).start("incoming@git.example.com")[0], Reject)


def test_an_open_address_is_for_anybody() -> None:
    """Sealed, so that nothing of its header but the allowed reaches the application."""
    desk = _desk()
    assert desk.start(OPEN, sender="<>") == [Accept()]
    assert _original(desk, desk.finish(MAIL)) == ("open", Plain(OPEN, ""))


def test_an_open_address_has_one_spelling() -> None:
    """Quoted, the MTA would deliver it as well."""
    desk = _desk()
    desk.connection.mail("<jane@example.org>")
    verdict = settled(desk.connection.rcpt('<"incoming+org-repo-issue"@git.example.com>', OPEN, over_smtp=True))
    assert isinstance(verdict, Reject)
    assert str(verdict.reply) == "550 5.1.3 Bad recipient address syntax"


@pytest.mark.parametrize(("sender", "taken"), [("<>", True), ("<jane@example.org>", False)])
def test_a_bounce_has_no_sender(sender: str, taken: bool) -> None:
    """A delivery report is taken, and nothing else."""
    desk = _desk()
    (verdict,) = desk.start(BOUNCE, sender=sender)
    assert isinstance(verdict, Accept) is taken
    if taken:
        assert _original(desk, desk.finish(MAIL)) == ("bounce", Plain(BOUNCE, ""))
    else:
        assert str(verdict.reply) == REFUSED  # type: ignore[union-attr]


@pytest.mark.parametrize("handler", [gitea(), PASSING])
def test_reply_to_all_comes_once(handler: Handler) -> None:
    """Beside an address of ours, the native one of the same application is removed without a word."""
    desk = _desk(handler)
    assert desk.start(ONE.address, NATIVE) == [Accept(), Accept()]
    verdict = desk.finish(ANSWER)
    assert _original(desk, verdict)[0] == "wrapped"
    assert RemoveRecipient(f"<{NATIVE}>") in edits(verdict)


def test_reply_to_all_in_the_other_order() -> None:
    """One that passes gives way to ours; one that is refused is refused alone."""
    desk = _desk(PASSING)
    assert desk.start(NATIVE, ONE.address) == [Accept(), Accept()]
    verdict = desk.finish(ANSWER)
    assert _original(desk, verdict)[0] == "wrapped"
    assert RemoveRecipient(f"<{NATIVE}>") in edits(verdict)
    refusing = _desk()
    assert [type(one) for one in refusing.start(NATIVE, ONE.address)] == [Reject, Accept]
    assert _original(refusing, refusing.finish(ANSWER))[0] == "wrapped"


@pytest.mark.parametrize("recipients", [(NATIVE, OTHER_NATIVE), (OPEN, NATIVE), (minted().address, NATIVE)])
def test_two_of_ours_that_differ_come_apart(recipients: tuple[str, str]) -> None:
    """One header can name one original alone."""
    answers = _desk(PASSING).start(*recipients)
    assert [type(one) for one in answers] == [Accept, Defer]
    assert str(answers[1].reply).startswith("452 4.5.3")  # type: ignore[union-attr]


@pytest.mark.parametrize("over_smtp", [True, False])
def test_the_name_of_a_message_is_its_own(over_smtp: bool) -> None:
    """The same when it comes again, even a day later or under another queue id; another for other words."""
    names = []
    for body, queue_id in ((b"one\r\n", "4Q1"), (b"one\r\n", "4Q2"), (b"two\r\n", "4Q1")):
        desk = _desk(PASSING)
        desk.start(NATIVE, over_smtp=over_smtp)
        names.append(desk.tags(desk.finish(MAIL, body, queue_id))["id"])
    assert names[0] == names[1] != names[2]


def test_a_local_submission_is_refused_at_its_end() -> None:
    """As any other: its other recipients get their mail."""
    desk = _desk()
    desk.start(NATIVE, over_smtp=False)
    verdict = desk.finish(MAIL)
    assert isinstance(verdict, Reject)
    assert str(verdict.reply) == REFUSED
    beside = _desk()
    beside.start("bob@example.org", NATIVE, over_smtp=False)
    assert beside.finish(MAIL) == Accept(edits=(RemoveRecipient(f"<{NATIVE}>"),))


@pytest.mark.parametrize("address", [NATIVE, OPEN])
def test_a_header_that_can_be_read_two_ways_reaches_nobody(address: str) -> None:
    """Two authors, control characters, one of our own addresses as author."""
    for name, value in (("From", " a@b.example, c@d.example"), ("X", " \x02"), ("From", f" {ONE.address}")):
        desk = _desk(PASSING)
        desk.start(address)
        fields = [(one, old) for one, old in MAIL if one != name] + [(name, value)]
        assert isinstance(desk.finish(fields), Reject)


def test_observe_mode_refuses_nothing() -> None:
    """RCPT reports what it would do; the message goes on as one that passes."""
    desk = _desk(gitea(Policy(observe=True)))
    assert isinstance(desk.start(NATIVE)[0], Accept)
    (told,) = desk.telemetry.recipients
    assert (told.verdict, told.reason, told.would, told.handler) == ("accept", "native", "reject", "gitea")
    verdict = desk.finish(MAIL)
    assert "would" not in desk.tags(verdict)
    assert _original(desk, verdict)[0] == "native"
