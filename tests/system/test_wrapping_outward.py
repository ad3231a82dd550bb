"""Notifications of an application that knows nothing of us, through a real Postfix, with OpenDKIM behind the milter."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.core.token.token import parse
from reply_text.syntax import message_file
from tests.support.hosts.dkim_signer import DkimSigner
from tests.support.hosts.submission_site import STRANGER, SubmissionSite
from tests.support.processes.daemon_process import wait_until
from tests.support.wrapped_settings import gitea

pytestmark = pytest.mark.system

JANE = "jane@example.com"
KEY = "AGCQVBAEAFIKZB4KJ2ME7QX3NB4KJ2ME7QX3NB4KJ2ME7QX3NB4KJ2ME7QX3NAA"
SENDER = "noreply@git.example.com"
SIGN = """
[[sign.application]]
name = "git"
handlers = ["gitea", "watched"]
networks = ["127.0.0.1"]
"""
_NOWHERE = 'type = "lmtp"\naddress = "unix:/nowhere/lmtp"\n'
HANDLERS = (
    gitea(_NOWHERE)
    + """
[[handler]]
id = 21
name = "watched"
context = "wrapped"
mode = "observe"
[handler.wrap]
application = "discourse"
address = "reply+{key}@talk.example.com"
from = ["noreply@talk.example.com"]
[handler.delivery]
type = "lmtp"
address = "unix:/nowhere/lmtp"
"""
)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DkimSigner]:
    """The DKIM signer of this host."""
    running = DkimSigner(tmp_path_factory.mktemp("signer") / "opendkim", "git.example.com")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def host(signer: DkimSigner) -> Iterator[SubmissionSite]:
    """Sign mode for an application on this host, and the signer behind it."""
    running = SubmissionSite(SIGN)
    site = running.site
    listen = f"unix:{site.mta.socket_folder}/lmtp.sock"
    delivery = f'[delivery]\nlisten = "{listen}"\n[metrics]'
    site.configure_text(lambda text: text.replace("[metrics]", delivery) + HANDLERS)
    milters = f"$reply_sign_milter,inet:127.0.0.1:{signer.port}"
    change = f"127.0.0.1:{running.relay}/inet/smtpd_milters={milters}"
    subprocess.run(["postconf", "-c", str(site.postfix.folder / "etc"), "-P", change], check=True)
    try:
        yield running.start()
    finally:
        running.stop()


def notification(name: str, *more: str, key: str = KEY) -> bytes:
    """What Gitea hands in: folded, with names in UTF-8, and with octets of no charset where none matters."""
    native = f"incoming+{key}@git.example.com"
    lines = [
        "Date: Sat, 28 Nov 2026 12:00:00 +0000", f"X-Seq: {name}", f"From: =?utf-8?q?M=C3=BCller?= <{SENDER}>",
        f"To: {JANE}", "Subject: Re: [shop/web] Printer,\r\n\t 2nd  floor (#7)",
        f"Message-Id: <shop/{name}@git.example.com>",
        "In-Reply-To: <shop/web/issues/7@git.example.com>",
        f"References: <shop/web/issues/7@git.example.com>\r\n <reply-{key}@git.example.com>",
        f'Reply-To: "Shop, \u00fcber alles"\r\n\t<{native}>, Bob <bob@example.com>', f"List-Post: <mailto:{native}>",
        "List-Unsubscribe: <https://git.example.com/shop/web/issues/7>,\r\n"
        f"\t<mailto:incoming%2B{key[::-1]}%40git.example.com?subject=x>",
        "X-Gitea-Odd:   three  blanks\t and a tab ", "X-EMPTY:", *more, "", f"Body with {key}.", "..dots", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode().replace(b"X-EMPTY:", b"X-Latin: f\xfcr\r\nX-EMPTY:")


def left(host: SubmissionSite, name: str) -> bytes:
    """The notification as the user got it, with the MTA's own fields."""
    folder: Path = host.site.mta.people

    def found() -> list[bytes]:
        files = [path.read_bytes() for path in (folder / "new").glob("*")] if folder.is_dir() else []
        return [one for one in files if f"X-Seq: {name}\n".encode() in one]

    wait_until(lambda: bool(found()), 30, f"{name} in the mailbox")
    (message,) = found()
    return message


def fields_of(message: bytes) -> list[tuple[str, str]]:
    """Names and values, folding included; lines end in LF, as in a mailbox."""
    return message_file.split(message.replace(b"\r\n", b"\n"))[0]


def test_a_notification_leaves_without_its_key(host: SubmissionSite, signer: DkimSigner) -> None:
    """Octet for octet but for the named fields; and OpenDKIM's signature over it verifies."""
    given = notification("plain")
    assert host.relay_in(given, [JANE], sender=SENDER)[0] == 250
    message = left(host, "plain")
    header, _, body = message.partition(b"\n\n")
    assert KEY.encode() not in header and KEY[::-1].encode() not in header and KEY.encode() in body
    fields = dict(fields_of(message))
    form = host.site.settings.config.form
    ours = fields["Reply-To"].partition("<")[2].partition(">")[0]
    assert fields["Reply-To"] == f' "Shop, \u00fcber alles"\n\t<{ours}>, Bob <bob@example.com>'
    text = parse(form.token_text(ours.partition("@")[0]), form.checksum_length)
    assert text is not None and text.token.handler == 20
    assert fields["List-Unsubscribe"] == " <https://git.example.com/shop/web/issues/7>" and "List-Post" not in fields
    first, capsule = fields["References"].split()
    assert first == "<shop/web/issues/7@git.example.com>" and capsule.startswith("<w1.")
    assert fields["References"].endswith(f"\n\t{capsule}"), "on a line of its own"
    changed = {"Reply-To", "List-Unsubscribe", "References", "List-Post"}
    mine = [field for field in fields_of(given) if field[0] not in changed]
    assert [field for field in fields_of(message) if field in mine] == mine
    assert body.replace(b"\n", b"\r\n").startswith(given.partition(b"\r\n\r\n")[2].replace(b"..dots", b".dots")[:40])
    said = signer.verified(message)
    assert "verification" in said and "succeeded" in said, said


def test_the_store_has_a_copy_and_the_folder_a_mark(host: SubmissionSite) -> None:
    """Under the token's id, until after the token's end; the mark is the handler's number."""
    assert host.relay_in(notification("kept"), [JANE], sender=SENDER)[0] == 250
    message = left(host, "kept")
    settings = host.site.settings
    ours = dict(fields_of(message))["Reply-To"].partition("<")[2].partition("@")[0]
    text = parse(settings.config.form.token_text(ours), settings.config.form.checksum_length)
    assert text is not None
    key = settings.keyring.verify(text)
    assert key is not None
    facts = host.site.store().facts(text.token.user, 20, text.token.context, key.token_id(text.text), wrapped=True)
    assert facts.original is not None and facts.original.message_id == "shop/kept@git.example.com"
    assert (host.site.folder / "state/wrapped/20").exists()
    metrics = host.site.metrics()
    assert metrics['reply_milter_wrapped_total{handler="gitea",outcome="wrapped"}'] >= 1
    assert metrics['reply_milter_notifications_total{outcome="wrapped"}'] >= 1


@pytest.mark.parametrize(
    ("name", "more", "recipients", "words"),
    [
        ("two", (), [JANE, "bob@example.com"], "5.5.3 gitea: only one recipient"),
        ("leak", (f"X-Custom: {KEY.lower()}",), [JANE], "5.6.0 gitea: X-Custom holds"),
        ("received", ("Received: from a by b",), [JANE], "5.6.0 gitea: it has a Received"),
        ("signed", ("DKIM-Signature: v=1; d=x.test; h=from:reply-to; b=x",), [JANE], "5.6.0 gitea: a DKIM-Signature"),
    ],
)  # fmt: skip
def test_what_cannot_be_wrapped_is_refused(
    host: SubmissionSite, name: str, more: tuple[str, ...], recipients: list[str], words: str
) -> None:
    """At the final dot, with the reason."""
    code, text = host.relay_in(notification(name, *more), recipients, sender=SENDER)
    assert code == 550 and words in text


def test_others_mail_is_left_alone(host: SubmissionSite) -> None:
    """From another client, or another sender: as it came, key and all."""
    other = notification("other").replace(SENDER.encode(), b"form@example.com")
    assert host.relay_in(other, [JANE], sender="form@example.com")[0] == 250
    assert dict(fields_of(left(host, "other")))["List-Post"] == dict(fields_of(other))["List-Post"]
    far = notification("far")
    assert host.relay_in(far, [JANE], source=STRANGER, sender=SENDER)[0] == 250
    assert dict(fields_of(left(host, "far")))["List-Post"] == dict(fields_of(far))["List-Post"]


def test_a_handler_that_observes_changes_nothing(host: SubmissionSite) -> None:
    """And says what would be."""
    native = f"reply+{'0f' * 16}@talk.example.com"
    lines = ["X-Seq: watched", "From: noreply@talk.example.com", f"To: {JANE}", f"Reply-To: {native}", "", "x", ""]
    assert host.relay_in("\r\n".join(lines).encode(), [JANE], sender="noreply@talk.example.com")[0] == 250
    assert dict(fields_of(left(host, "watched")))["Reply-To"] == f" {native}"
    assert "outcome=would_wrap handler=watched application=git" in host.site.daemon.log()
