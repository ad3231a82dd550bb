"""Whose notifications get a reply address, and what is changed on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest

from reply_milter.config.sign import SignSettings
from reply_milter.core.mail import headers
from reply_milter.core.mail.headers import Append, Delete, Edit, Replace
from reply_milter.core.notification.application import WRONG_KEY, digest
from reply_milter.core.notification.application import Application as Proven
from reply_milter.core.notification.mint_request import FORM as FIELD
from reply_milter.core.token import token
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.verdict import Accept, Reject, Verdict
from reply_milter.flows.service import MintingRules, MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.ports import DEFER_INTERNAL, NO_LOGIN, Decision, Login, Minting, Notification
from tests.support.fakes import FORM as PLAIN_FORM
from tests.support.fakes import FORUM, ISSUE, KEYRING, NOW, FixedClock, MemoryMark, MemoryStore

MINT = ("X-Reply-Mint", " handler=issue; user=42; locator=shop/issue/1")
JANE = "<jane@example.org>"
RULES = MintingRules(PLAIN_FORM, KEYRING, Handlers.of([ISSUE, FORUM, replace(FORUM, id=9, name=".odd")]),
                     SignSettings(None, (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))))  # fmt: skip


@dataclass
class Recorder:
    """Remembers what it was told."""

    told: list[Notification] = field(default_factory=list)
    natives: list[Decision] = field(default_factory=list)

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""
        self.told.append(notification)

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""
        self.natives.append(decision)


@dataclass
class Application:
    """One SMTP client of a signing service."""

    client: str = "192.0.2.7"
    login: str = ""
    rules: MintingRules = RULES
    sender: str = "<shop@example.com>"
    recorder: Recorder = field(default_factory=Recorder)

    def __post_init__(self) -> None:
        service = MintingService(
            self.rules, FixedClock(), self.recorder, lambda: "u1", MemoryStore(down=True), MemoryMark()
        )
        self.submission = Submission(lambda: service, self.client)

    def send(self, fields: Sequence[tuple[str, str]], *recipients: str, queue_id: str = "4Q1") -> Verdict:
        """A whole message; the answer to its final dot."""
        self.submission.mail(self.sender, Login(self.login))
        for recipient in recipients or (JANE,):
            assert self.submission.rcpt(recipient, None, True) == Accept()
        for name, value in fields:
            self.submission.header(name, value)
        assert self.submission.body(b"Hello") is False
        verdict = self.submission.end_of_message(queue_id)
        self.submission.done()
        return verdict


def edits(verdict: Verdict) -> list[Edit]:
    """What is to be changed."""
    assert isinstance(verdict, Accept), verdict
    return list(verdict.edits)


def address(verdict: Verdict) -> str:
    """The one Reply-To that is set."""
    (found,) = (edit.value for edit in edits(verdict) if isinstance(edit, Append | Replace) and edit.name == "Reply-To")
    return found


def minted(verdict: Verdict) -> token.Token:
    """The token in it."""
    token_text = token.parse(PLAIN_FORM.token_text(address(verdict).rpartition("@")[0]), 26)
    assert token_text is not None
    return token_text.token


def test_everything_is_set_where_nothing_stands() -> None:
    """Field by field."""
    application = Application()
    verdict = application.send([MINT, ("From", " shop@example.com")])
    identifier = f"<shop/issue/1/{NOW}.u1@reply.test>"
    assert edits(verdict) == [
        Delete("X-Reply-Mint", 1),
        Append("Reply-To", address(verdict)),
        Append("Message-ID", identifier),
        Append("References", identifier),
        Append("Auto-Submitted", "auto-generated"),
    ]
    key = KEYRING.minting_key(42)
    made = minted(verdict)
    assert (made.user, made.handler, made.context) == (42, 1, key.thread(identifier[1:-1]))
    assert made.sender == key.sender("jane@example.org")
    (told,) = application.recorder.told
    assert (told.outcome, told.handler, len(told.token_id), told.queue_id) == (Minting.MINTED, "issue", 13, "4Q1")


def test_what_postfix_would_have_taken_off_goes_with_all_mail() -> None:
    """Return-Path and Resent-Bcc, the last first; with a request, one comes from elsewhere and gets no address."""
    given = [("Return-Path", " <a@b>"), ("return-path", " <c@d>"), ("RESENT-BCC ", " e@f"), ("Bcc", " x@y")]
    dropped = [Delete("Return-Path", 2), Delete("Return-Path", 1), Delete("Resent-Bcc", 1)]
    assert edits(Application().send(given)) == dropped
    application = Application()
    assert edits(application.send([*given, MINT])) == [Delete("X-Reply-Mint", 1), *dropped]
    assert application.recorder.told[0].outcome is Minting.IGNORED
    assert edits(Application().send([("Resent-To", " a@b"), ("X-Return-Path", " c@d")])) == []


def test_too_many_of_them_are_refused() -> None:
    """An MTA takes minutes to take them off."""
    limit = headers.FIELDS_LIMIT
    assert len(edits(Application().send([("Return-Path", " <a@b>")] * limit))) == limit
    verdict = Application().send([("Return-Path", " <a@b>")] * (limit + 1))
    assert isinstance(verdict, Reject)
    assert str(verdict.reply) == "550 5.6.0 Return-Path: the field occurs too often"


def test_what_stands_there_is_kept_or_replaced_once() -> None:
    """Several Reply-To become one; references gain ours."""
    given = [("Message-ID", " <own@shop>"), ("References", " <a@b>\n\t<c@d>"), ("Auto-Submitted", " auto-notified"),
             ("Reply-To", " x@y"), ("reply-to", " z@y")]  # fmt: skip
    verdict = Application().send([*given, MINT])
    assert edits(verdict) == [
        Delete("X-Reply-Mint", 1),
        Delete("Reply-To", 2),
        Replace("Reply-To", 1, address(verdict)),
        Replace("References", 1, "<a@b>\n\t<c@d>\n\t<own@shop>"),
    ]
    assert minted(verdict).context == KEYRING.minting_key(42).thread("own@shop")


def test_an_id_that_the_mta_made_up_is_replaced() -> None:
    """It bears the queue id of this arrival: the application gave none."""
    verdict = Application().send([MINT, ("Message-Id", " <20261123.4Q1@mx.example.com>")])
    assert Replace("Message-ID", 1, f"<shop/issue/1/{NOW}.u1@reply.test>") in edits(verdict)


def test_references_that_have_our_id_stay() -> None:
    """Added once."""
    verdict = Application().send([MINT, ("Message-ID", "<own@shop>"), ("References", "<own@shop> <a@b>")])
    assert {edit.name for edit in edits(verdict) if isinstance(edit, Append | Replace)} == {
        "Reply-To",
        "Auto-Submitted",
    }


def test_a_field_that_is_written_back_stays_one_field() -> None:
    """A line end that is no folding comes from no MTA; we would make a field of our own of what stands behind it."""
    given = [MINT, ("Message-ID", "<own@shop>"), ("References", "<a@b>\nX-Evil: 1\r\n\t<c@d>\0")]
    written = edits(Application().send(given))
    assert Replace("References", 1, "<a@b> X-Evil: 1 \n\t<c@d> \n\t<own@shop>") in written


@pytest.mark.parametrize("name,shown", [("forum", "forum"), (".odd", "9")])
def test_a_number_gets_an_id_to_thread_by(name: str, shown: str) -> None:
    """Of the handler's name, or its number where the name is no segment of a locator."""
    verdict = Application().send([("X-Reply-Mint", f"handler={name}; user=1; context=7")])
    assert Append("Message-ID", f"<{shown}/7/{NOW}.u1@reply.test>") in edits(verdict)
    assert minted(verdict).context == 7


@pytest.mark.parametrize(
    "client,login,minting",
    [
        ("192.0.2.7", "", True),
        ("::ffff:192.0.2.7", "", True),
        ("2001:db8::1", "", True),
        ("198.51.100.1", "shop", True),
        ("198.51.100.1", "", False),
        ("", "", False),
        ("unix", "", False),
    ],
)
def test_only_trusted_networks_and_logins(client: str, login: str, minting: bool) -> None:
    """From anyone else the field is taken off, all of it, and nothing is minted."""
    application = Application(client, login)
    verdict = application.send([MINT, ("x-reply-mint", "rubbish")] if not minting else [MINT])
    if minting:
        assert address(verdict)
    else:
        assert edits(verdict) == [Delete("X-Reply-Mint", 2), Delete("X-Reply-Mint", 1)]
        (told,) = application.recorder.told
        assert (told.outcome, told.untrusted) == (Minting.IGNORED, True)
        assert told.problem.startswith("the client has not authenticated and is not in sign.trusted: client ")
        assert told.problem.endswith("may ask: any login; sign.trusted 192.0.2.0/24, 2001:db8::/32")


@pytest.mark.parametrize(
    "name",
    ["Received", "RECEIVED", "received ", "Resent-From", "resent-anything", "List-ID", "Delivered-To", "Return-Path"],
)
def test_mail_from_elsewhere_never(name: str) -> None:
    """A field that a way leaves behind, in any case, above or below ours."""
    trace = (name, " from a by b; Thu, 1 Jan 2026 00:00:00 +0000")
    dropped = [Delete(name, 1)] if name == "Return-Path" else []
    for fields in ([trace, MINT], [MINT, trace]):
        application = Application(login="shop")
        assert edits(application.send(fields)) == [Delete("X-Reply-Mint", 1), *dropped]
        assert "comes from elsewhere" in application.recorder.told[0].problem
        assert application.recorder.told[0].untrusted is False, "no mistake of an operator's"


@pytest.mark.parametrize("sender", ["<>", " <> ", ""])
def test_a_report_never(sender: str) -> None:
    """Nobody answers one; and what bounces back must not turn into a notification."""
    application = Application(login="shop", sender=sender)
    assert edits(application.send([MINT])) == [Delete("X-Reply-Mint", 1)]
    assert "sender is null" in application.recorder.told[0].problem


def test_a_message_that_nobody_began_gets_nothing() -> None:
    """RCPT without MAIL: there is no login and no sender."""
    application = Application()
    application.submission.rcpt(JANE, None, True)
    application.submission.header(*MINT)
    assert edits(application.submission.end_of_message("4Q1")) == [Delete("X-Reply-Mint", 1)]


SECRET = "S" * 16
SHOP = Proven("shop", frozenset({"issue"}), frozenset({"shop"}), (), "shop.secret", digest(SECRET))
GUARDED = replace(RULES, sign=replace(RULES.sign, applications=(SHOP,)))


def with_key(key: str) -> tuple[str, str]:
    """The field with a key."""
    return MINT[0], f"{MINT[1]}; key={key}"


def test_an_application_is_named_in_what_is_told() -> None:
    """As the configuration calls it; and by nothing that it showed."""
    application = Application("198.51.100.1", "shop", rules=GUARDED)
    assert address(application.send([with_key(SECRET)]))
    assert (application.recorder.told[0].outcome, application.recorder.told[0].application) == (Minting.MINTED, "shop")
    assert SECRET not in str(application.recorder.told)


@pytest.mark.parametrize("given", [[MINT], [with_key("S" * 15)], [with_key(SECRET)] * 2, [("X-Reply-Mint", "x")]])
def test_who_is_known_and_has_no_key_is_refused(given: list[tuple[str, str]]) -> None:
    """In constant words, and the field is taken off before: what comes back of the message doesn't hold it."""
    application = Application("198.51.100.1", "shop", rules=GUARDED)
    verdict = application.send(given)
    assert isinstance(verdict, Reject)
    assert str(verdict.reply) == f"550 5.7.1 X-Reply-Mint: {WRONG_KEY}"
    assert verdict.edits == tuple(Delete("X-Reply-Mint", number) for number in range(len(given), 0, -1))
    assert (application.recorder.told[0].outcome, application.recorder.told[0].application) == (Minting.REFUSED, "shop")


def test_a_refused_request_takes_its_key_off_as_well() -> None:
    """An application's mistake comes back to a mailbox, if sendmail(1) handed it in."""
    application = Application("198.51.100.1", "shop", rules=GUARDED)
    verdict = application.send([(MINT[0], f"handler=issue; user=x; key={SECRET}")])
    assert isinstance(verdict, Reject)
    assert (verdict.reply.enhanced, verdict.edits) == ("5.6.0", (Delete("X-Reply-Mint", 1),))


def test_nothing_shows_login_or_key_of_a_message() -> None:
    """As a traceback that tells a value would."""
    application = Application("198.51.100.1", "shop-login", rules=GUARDED)
    application.submission.mail("<a@b.example>", Login("shop-login"))
    application.submission.header(*with_key("hunter2-hunter2-hunter2"))
    shown = repr(application.submission._message) + repr(Login("shop-login")) + repr(SHOP)
    assert "hunter2" not in shown and "shop-login" not in shown and repr(SHOP.secret) not in shown


def test_equal_twins_leave_one() -> None:
    """An application, or a relay before us, gave its Message-ID twice: it is one, and it leaves once."""
    twice = [("Message-ID", " <a@b>"), ("Message-ID", "<a@b>"), ("References", " <a@b>"), ("References", " <a@b>")]
    verdict = Application(login="shop").send([MINT, *twice])
    assert isinstance(verdict, Accept)
    assert [edit for edit in verdict.edits if edit in (Delete("Message-ID", 2), Delete("References", 2))]
    assert not any(isinstance(edit, Replace) for edit in verdict.edits)
    unlike = [("Message-ID", " <a@b>"), ("Message-ID", " <c@b>")]
    assert isinstance(Application(login="shop").send([MINT, *unlike]), Reject)


def test_recipients_that_fold_into_one_are_two() -> None:
    """Beyond ASCII, letters of two addresses may have one lower case; the token would go to both."""
    verdict = Application(login="shop").send([MINT], "<jane@stra\u00dfe.example>", "<jane@strasse.example>")
    assert isinstance(verdict, Reject)


def test_the_same_recipient_twice_is_one() -> None:
    """Two are refused, and none is minted."""
    assert address(Application().send([MINT], JANE, "<JANE@example.org>"))
    verdict = Application().send([MINT], JANE, "<bob@example.org>")
    assert isinstance(verdict, Reject)
    assert str(verdict.reply).startswith("550 5.5.3 X-Reply-Mint: ")


@pytest.mark.parametrize("recipient", ['<"jane doe"@example.org>', "<@relay:jane@example.org>", "<jane@[192.0.2.1]>"])
def test_a_recipient_that_cannot_be_bound_gets_an_unbound_address(recipient: str) -> None:
    """Its replies are of an unknown sender."""
    assert minted(Application().send([MINT], recipient)).sender == 0


def test_mail_without_the_field_is_nothing_to_us() -> None:
    """Whoever sends it, with whatever trace."""
    application = Application()
    assert application.send([("From", "a@b"), ("Received", "x"), ("Reply-To", "c@d")]) == Accept()
    assert application.recorder.told == []


def test_nothing_of_one_message_reaches_the_next() -> None:
    """A login, a recipient, a field: RSET and MAIL forget them."""
    application = Application(client="198.51.100.1")
    application.submission.mail("<a@b>", Login("shop"))
    application.submission.rcpt("<one@example.org>", None, True)
    application.submission.header(*MINT)
    application.submission.abort()
    assert application.submission.end_of_message("4Q1") == Accept()
    assert edits(application.send([MINT])) == [Delete("X-Reply-Mint", 1)], "no login any more"
    assert application.send([("From", "a@b")]) == Accept()


def test_a_broken_step_is_no_half_notification() -> None:
    """It is deferred, by value; so is what follows of a message that could not be begun."""
    application = Application()
    application.submission.mail("<a@b>", NO_LOGIN)
    application.submission.mark_broken()
    assert application.submission.end_of_message("4Q1") == DEFER_INTERNAL
    application.submission.done()
    application.submission.mark_broken()
    assert application.submission.rcpt("<one@example.org>", None, True) == DEFER_INTERNAL
    application.submission.header(*MINT)
    assert application.submission.end_of_message("4Q1") == DEFER_INTERNAL
    application.submission.failed()
    assert application.submission.end_of_message("4Q1") == Accept()


NO_HANDLER = "there is no such handler in the configuration"


@pytest.mark.parametrize(
    "field,said",
    [
        (
            "handler=isue; user=1; locator=a",
            f"{NO_HANDLER}, isue; there are: .odd, forum, issue",
        ),
        (
            "handler=ISS%UE; user=1; locator=a",
            f"{NO_HANDLER}; there are: .odd, forum, issue",
        ),
        ("handler=issue; user=x; locator=a", "the user id must be a number between 0 and 1099511627775, not x"),
        ("handler=issue; user=-1; locator=a", "the user id must be a number between 0 and 1099511627775, not -1"),
        ("handler=forum; user=1; context=1e9", "a context must be a number between 0 and 36028797018963967, not 1e9"),
        ("handler=issue; usr=1; locator=a", f"must be {FIELD}; usr is no tag"),
        ("handler=issue; user=; locator=a", f"must be {FIELD}; user has no value"),
        ("handler=issue; user=1; user=2", "a tag occurs twice: user"),
    ],
)
def test_a_refusal_names_what_is_wrong_and_what_there_is(field: str, said: str) -> None:
    """To the application, and in the log."""
    application = Application()
    verdict = application.send([("X-Reply-Mint", field)])
    assert isinstance(verdict, Reject)
    assert str(verdict.reply) == f"550 5.6.0 X-Reply-Mint: {said}"
    assert application.recorder.told[0].problem == verdict.reply.text


@pytest.mark.parametrize(
    "field",
    [
        f"handler=issue; user={SECRET}; locator=a",
        f"handler=issue; user=1; {SECRET}=; locator=a",
        f"handler=issue; user=1; {SECRET}; locator=a",
        f"handler=issue; user=1; key {SECRET}",
        f"handler=issue; user=1; Key={SECRET}; locator=a",
        f"handler=forum; user=1; context={SECRET}",
        f"handler={SECRET}; user=1; context=1",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(field: str) -> None:
    """The refusal comes back to a mailbox, and the log is read by many."""
    application = Application()
    verdict = application.send([("X-Reply-Mint", field)])
    assert isinstance(verdict, Reject)
    assert SECRET not in str(verdict.reply) and SECRET not in str(application.recorder.told)
