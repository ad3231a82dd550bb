"""Sign mode through a real Postfix: who gets a reply address, who never does, and what the notification looks like."""

import re
from collections.abc import Iterator
from email import message_from_bytes

import pytest

from reply_milter.core.token.explanation import explain
from tests.support.hosts.site_under_test import Arrived
from tests.support.hosts.submission_site import STRANGER, SubmissionSite
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

JANE = "jane@example.com"
MINT = "X-Reply-Mint: handler=issue; user=42; locator=go-gitea/gitea/issue/2351"
NUMBER = "X-Reply-Mint: handler=forum; user=7; context=99"


@pytest.fixture(scope="module")
def host() -> Iterator[SubmissionSite]:
    """A host with a submission service, a relay for trusted clients, and a content filter."""
    running = SubmissionSite()
    try:
        yield running.start()
    finally:
        running.stop()


def notification(name: str, *lines: str) -> bytes:
    """What an application hands in; ``lines`` of header on top of the plainest one."""
    head = [*lines, "From: shop@example.com", f"To: {JANE}", "Subject: A comment", f"X-Seq: {name}"]
    return "\r\n".join([*head, "", "Somebody wrote something.", ""]).encode("utf-8", "surrogateescape")


def received(host: SubmissionSite, name: str) -> Arrived:
    """The notification, as the user got it."""
    (found,) = host.site.arrived("X-Seq", name, 1, "people")
    assert not found.values("X-Reply-Mint"), found.fields
    return found


def assert_nothing_minted(found: Arrived) -> None:
    """The message came, without the field and without an address."""
    text = "".join(f"{name}: {value}" for name, value in found.fields)
    assert "reply+" not in text.lower()
    assert not found.values("Auto-Submitted")


def test_a_login_gets_an_address_that_works(host: SubmissionSite) -> None:
    """Every field of the contract's section 7; and the answer is accepted, with the right user and thread."""
    code, text = host.submit(notification("login", MINT), [JANE])
    assert code == 250, text
    found = received(host, "login")
    (reply_to,), (identifier,) = found.values("Reply-To"), found.values("Message-ID")
    assert identifier.startswith("<go-gitea/gitea/issue/2351/")
    assert identifier.endswith("@reply.example.com>")
    assert found.values("References") == [identifier]
    assert found.values("Auto-Submitted") == ["auto-generated"]
    answer = f"From: Jane <{JANE}>\r\nMessage-ID: <1@b>\r\nIn-Reply-To: {identifier}\r\nX-Seq: answer\r\n\r\nYes\r\n"
    assert host.site.send([f"<{reply_to}>"], answer.encode(), f"<{JANE}>").startswith("250")
    (accepted,) = host.site.arrived("X-Seq", "answer", 1)
    assert isinstance(accepted.tags, dict), accepted.tags
    wanted = {"user": "42", "handler": "issue", "thread": "match", "sender": "match"}
    assert wanted.items() <= accepted.tags.items()
    assert accepted.tags["locator"] == "go-gitea/gitea/issue/2351"


def test_the_address_is_bound_to_its_recipient(host: SubmissionSite) -> None:
    """An author other than the recipient is no match."""
    host.relay_in(notification("bound", MINT), [JANE])
    found = received(host, "bound")
    (reply_to,), (identifier,) = found.values("Reply-To"), found.values("Message-ID")
    answer = f"From: eve@example.com\r\nMessage-ID: <2@b>\r\nIn-Reply-To: {identifier}\r\n\r\nYes\r\n".encode()
    assert host.site.send([f"<{reply_to}>"], answer).startswith("550 5.7.1 Reply from the address")


def test_an_id_of_the_application_is_kept_and_bound(host: SubmissionSite) -> None:
    """References and Auto-Submitted are kept, too; Reply-To is ours, once, in place of any other."""
    given = ["Message-ID: <own.1@shop.example.com>", "References: <old.1@shop.example.com>", "Reply-To: a@b.example",
             "reply-to: c@d.example", "Auto-Submitted: auto-notified"]  # fmt: skip
    assert host.relay_in(notification("kept", MINT, *given), [JANE])[0] == 250
    found = received(host, "kept")
    assert found.values("Message-ID") == ["<own.1@shop.example.com>"]
    assert "".join(found.values("References")).split() == ["<old.1@shop.example.com>", "<own.1@shop.example.com>"]
    assert found.values("Auto-Submitted") == ["auto-notified"]
    (reply_to,) = found.values("Reply-To")
    settings = host.site.settings
    token_text = explain(reply_to, settings.config.form, settings.keyring, settings.config.handlers, 0).token_text
    assert token_text is not None
    assert token_text.token.context == settings.keyring.minting_key(42).thread("own.1@shop.example.com")


def test_a_number_for_an_integer_handler(host: SubmissionSite) -> None:
    """Its Message-ID binds nothing, but mail programs thread by it."""
    host.relay_in(notification("number", "X-Reply-Mint: handler=forum;\r\n\tuser=7; context=99;"), [JANE])
    found = received(host, "number")
    assert found.values("Message-ID")[0].startswith("<forum/99/")
    (reply_to,) = found.values("Reply-To")
    answer = f"From: {JANE}\r\nMessage-ID: <3@b>\r\nX-Seq: number\r\n\r\nYes\r\n".encode()
    assert host.site.send([f"<{reply_to}>"], answer).startswith("250")
    (accepted,) = host.site.arrived("X-Seq", "number", 1)
    assert isinstance(accepted.tags, dict)
    assert (accepted.tags["context"], accepted.tags["user"]) == ("99", "7")


def test_an_unmodified_sendmail_script_needs_one_header(host: SubmissionSite) -> None:
    """sendmail -t; the Message-ID that Postfix made up is replaced, so that the locator comes back."""
    script = notification("script", MINT).replace(b"\r\n", b"\n")
    assert host.site.postfix.sendmail(["-t", "-f", "shop@example.com"], script).returncode == 0
    found = received(host, "script")
    (reply_to,), (identifier,) = found.values("Reply-To"), found.values("Message-ID")
    assert identifier.startswith("<go-gitea/gitea/issue/2351/")
    answer = f"From: {JANE}\r\nMessage-ID: <4@b>\r\nIn-Reply-To: {identifier}\r\nX-Seq: script\r\n\r\nYes\r\n".encode()
    assert host.site.send([f"<{reply_to}>"], answer, f"<{JANE}>").startswith("250")
    (accepted,) = host.site.arrived("X-Seq", "script", 1)
    assert isinstance(accepted.tags, dict)
    assert (accepted.tags["locator"], accepted.tags["sender"]) == ("go-gitea/gitea/issue/2351", "match")


@pytest.mark.parametrize(
    "name,lines,recipients,answer",
    [
        ("unknown handler", ["X-Reply-Mint: handler=nothing; user=1; context=1"], [JANE], (550, "5.6.0")),
        ("no user", ["X-Reply-Mint: handler=issue; locator=a/b"], [JANE], (550, "5.6.0")),
        ("user too large", ["X-Reply-Mint: handler=forum; user=1099511627776; context=1"], [JANE], (550, "5.6.0")),
        ("bad locator", ["X-Reply-Mint: handler=issue; user=1; locator=/etc//passwd"], [JANE], (550, "5.6.0")),
        ("locator beside an id", [MINT + "/..", "Message-ID: <a@b.example>"], [JANE], (550, "5.6.0")),
        ("wrong kind", ["X-Reply-Mint: handler=issue; user=1; context=7"], [JANE], (550, "5.6.0")),
        ("wrong kind too", ["X-Reply-Mint: handler=forum; user=1; locator=a/b"], [JANE], (550, "5.6.0")),
        ("disabled handler", ["X-Reply-Mint: handler=gone; user=1; context=7"], [JANE], (550, "5.6.0")),
        ("unknown tag", [MINT + "; sender=x"], [JANE], (550, "5.6.0")),
        ("doubled tag", [MINT + "; user=1"], [JANE], (550, "5.6.0")),
        ("empty", ["X-Reply-Mint: "], [JANE], (550, "5.6.0")),
        ("doubled field", [MINT, MINT], [JANE], (550, "5.6.0")),
        ("two ids", [MINT, "Message-ID: <a@b.c>", "Message-ID: <d@e.f>"], [JANE], (550, "5.6.0")),
        ("an id that is none", [MINT, "Message-ID: nothing"], [JANE], (550, "5.6.0")),
        ("an id with a blank", [MINT, "Message-ID: < a@b.example>"], [JANE], (550, "5.6.0")),
        ("an id of odd octets", [MINT, "Message-ID: <a\udcff@b.example>"], [JANE], (550, "5.6.0")),
        ("odd octets and a number", [NUMBER, "Message-ID: <a\udcff@b.example>"], [JANE], (550, "5.6.0")),
        ("two words and a number", [NUMBER, "Message-ID: <hello world>"], [JANE], (550, "5.6.0")),
        ("an endless id", [NUMBER, f"Message-ID: <{'a' * 990}@b.example>"], [JANE], (550, "5.6.0")),
        ("fields without end", [MINT] * 2001, [JANE], (550, "5.6.0")),
        ("two recipients", [MINT], [JANE, "bob@example.com"], (550, "5.5.3")),
    ],
)
def test_what_cannot_be_minted_does_not_leave(
    host: SubmissionSite, name: str, lines: list[str], recipients: list[str], answer: tuple[int, str]
) -> None:
    """The application gets the reason at once; a notification with a wrong reply address is worse than none."""
    code, text = host.submit(notification(name, *lines), recipients)
    assert (code, text.split()[0]) == answer, text
    assert "X-Reply-Mint: " in text
    assert not host.site.arrived("X-Seq", name, 0, "people")


def test_references_in_no_charset_stop_nothing(host: SubmissionSite) -> None:
    """By SMTP, and by sendmail(1), where an error would leave the message in maildrop for ever."""
    odd = notification("odd", MINT, "References: <a\udcff@b.example>")
    assert host.relay_in(odd, [JANE])[0] == 250
    found = received(host, "odd")
    assert found.values("Reply-To")
    assert found.values("Message-ID")[0] in "".join(found.values("References"))
    local = notification("odd local", MINT, "References: <a\udcff@b.example>").replace(b"\r\n", b"\n")
    assert host.site.postfix.sendmail(["-t", "-f", "shop@example.com"], local).returncode == 0
    assert received(host, "odd local").values("Reply-To")


def test_a_flood_of_fields_from_a_stranger_is_refused(host: SubmissionSite) -> None:
    """Removing them would keep the MTA busy for minutes."""
    code, text = host.relay_in(notification("flood", *["X-Reply-Mint: x"] * 5000), [JANE], source=STRANGER)
    assert (code, text.split()[0]) == (550, "5.6.0"), text


def test_a_stranger_gets_nothing(host: SubmissionSite) -> None:
    """Each copy of the field is removed, and the mail passes, even to several recipients."""
    head = [MINT, MINT.lower(), "X-REPLY-MINT : handler=issue; user=1; locator=x", "X-Reply-Mint: rubbish"]
    code, text = host.relay_in(notification("stranger", *head), [JANE, "bob@example.com"], source=STRANGER)
    assert code == 250, text
    found = host.site.arrived("X-Seq", "stranger", 2, "people")
    for message in found:
        assert_nothing_minted(message)
        assert not message.values("X-Reply-Mint")


@pytest.mark.parametrize("spelling", ["Received", "received", "Received "])
def test_mail_that_was_received_before_gets_nothing(host: SubmissionSite, spelling: str) -> None:
    """Even from a trusted client and with a login: it may be another user's message, forwarded."""
    name = f"received-{spelling!r}"
    lines = [f"{spelling}: from a.example by b.example; Mon, 23 Nov 2026 12:00:00 +0000", MINT]
    assert host.relay_in(notification(name, *lines), [JANE])[0] == 250
    assert_nothing_minted(received(host, name))
    assert host.submit(notification(name + "2", *lines), [JANE])[0] == 250
    assert_nothing_minted(received(host, name + "2"))


def test_a_content_filter_does_not_launder_the_field(host: SubmissionSite) -> None:
    """The attack: mail from outside bears the field, is scanned, and is handed in again from a trusted address."""
    code, text = host.relay_in(notification("laundry", MINT), [JANE], source=STRANGER, port=host.filtered)
    assert code == 250, text
    found = received(host, "laundry")
    assert len(found.values("Received")) == 2, "it went through the filter"
    assert_nothing_minted(found)


def test_a_filter_that_hands_in_by_sendmail_does_not_launder_it_either(host: SubmissionSite) -> None:
    """The other kind of content filter: delivered to a program, which calls sendmail(1)."""
    host.relay_in(notification("outside", MINT), [JANE], source=STRANGER, port=host.filtered)
    outside = received(host, "outside")
    head = [f"{name}: {value}" for name, value in outside.fields if name != "X-Seq"]
    again = "\n".join([*head, MINT, "X-Seq: again", "", "x", ""]).encode()
    host.site.postfix.sendmail(["-G", "-i", "-f", "shop@example.com", "--", JANE], again)
    assert_nothing_minted(received(host, "again"))


def test_mail_without_the_field_is_left_alone(host: SubmissionSite) -> None:
    """Octet for octet, but for what Postfix itself adds."""
    given = notification("plain", "Message-ID: <plain@shop.example.com>", "Reply-To: shop@example.com")
    assert host.submit(given, [JANE, "bob@example.com"])[0] == 250
    found = host.site.arrived("X-Seq", "plain", 2, "people")[0]
    sent = [(name, value.strip()) for name, value in message_from_bytes(given).items()]
    assert [pair for pair in ((name, value.strip()) for name, value in found.fields) if pair in sent] == sent


def test_the_token_stands_in_reply_to_alone(host: SubmissionSite) -> None:
    """References are kept by mail programs when they forward; an address there would travel with them."""
    host.relay_in(notification("once", MINT), [JANE])
    found = received(host, "once")
    (reply_to,) = found.values("Reply-To")
    assert [name for name, value in found.fields if reply_to.partition("@")[0] in value] == ["Reply-To"]


def test_a_killed_worker_costs_no_notification(host: SubmissionSite) -> None:
    """Its socket stays open: the next connection waits for the new one."""
    before = host.site.daemon.workers()
    host.site.daemon.kill_workers()
    code, text = host.relay_in(notification("killed", MINT), [JANE])
    assert code == 250, text
    assert received(host, "killed").values("Reply-To")
    wait_until(lambda: len(host.site.daemon.workers()) == len(before), 5, "all workers are back")


def test_a_reload_reaches_the_signing_worker(host: SubmissionSite) -> None:
    """A new handler mints at once; a removed network is no longer trusted."""
    text = host.site.config.read_text()
    more = '\n[[handler]]\nid = 77\nname = "fresh"\ncontext = "integer"\n'
    try:
        host.site.config.write_text(text.replace('trusted = ["127.0.0.1"]', "trusted = []") + more)
        host.site.daemon.reload()
        new = notification("fresh", "X-Reply-Mint: handler=fresh; user=1; context=1")
        assert host.submit(new, [JANE])[0] == 250
        assert received(host, "fresh").values("Message-ID")[0].startswith("<fresh/1/")
        assert host.relay_in(notification("untrusted", MINT), [JANE])[0] == 250
        assert_nothing_minted(received(host, "untrusted"))
    finally:
        host.site.config.write_text(text)
        host.site.daemon.reload()


def test_metrics_and_log_tell_what_was_minted(host: SubmissionSite) -> None:
    """By handler, and by what became of the request; the log names the token and never the address."""
    host.relay_in(notification("counted", MINT), [JANE])
    host.relay_in(notification("counted2", MINT), [JANE], source=STRANGER)
    page = host.site.metrics()
    assert page['reply_milter_minted_total{handler="issue"}'] >= 1
    assert page['reply_milter_minted_total{handler="lenient"}'] == 0
    assert page['reply_milter_notifications_total{outcome="ignored"}'] >= 1
    log = host.site.daemon.log()
    (reply_to,) = received(host, "counted").values("Reply-To")
    assert "outcome=minted" in log
    assert "reply-milter.toml: sign.trusted: any user of 127.0.0.1/32 can have reply addresses minted" in log
    assert page["reply_milter_notifications_untrusted_total"] >= 1
    warned = r'warning reply-milter\[\d+\]: notification .*outcome=ignored problem="the client has not authenticated'
    warned = r'warning reply-milter\[\d+\]: notification .*outcome=ignored problem="the client has not authenticated'
    assert re.search(warned, log)
    assert f"client {STRANGER}, not logged in; may ask: any login; sign.trusted 127.0.0.1/32" in log
    assert reply_to not in log
    assert reply_to.split("+")[1].split("@")[0] not in log
