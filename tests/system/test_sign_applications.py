"""Who may have a reply address minted, on a host with users of its own: a login or a secret proves it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.support.hosts.site_under_test import Arrived
from tests.support.hosts.submission_site import PERSON, STRANGER, SubmissionSite
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

JANE = "jane@example.com"
SECRET = "0f4b7c1e9d2a6358=+/w~shop"  # noqa: S105 # of this test alone
OTHER = "a1b2c3d4e5f60718-of-the-other"
ISSUE = "X-Reply-Mint: handler=issue; user=1; locator=shop/issue/7"
FORUM = "X-Reply-Mint: handler=forum; user=1; context=7"
LENIENT = "X-Reply-Mint: handler=lenient; user=1; locator=shop/issue/7"
KEY, WRONG = f"; key={SECRET}", "; key=0f4b7c1e9d2a6358=+/w~shoq"
WITHOUT_KEY = (550, "5.7.1", "the key is missing or wrong")
NOT_FOR_IT = (550, "5.7.1", "may not ask for that handler")

SIGN = """
[[sign.application]]
name = "shop"
handlers = ["issue"]
logins = ["shop@example.com"]

[[sign.application]]
name = "script"
handlers = ["issue"]
networks = ["127.0.0.1"]
secret_file = "script.secret"

[[sign.application]]
name = "far"
handlers = ["lenient"]
secret_file = "far.secret"
"""


@pytest.fixture(scope="module")
def host() -> Iterator[SubmissionSite]:
    """An application with a login, one on the host with a secret, and one with a secret that may be anywhere."""
    running = SubmissionSite(SIGN, {"script.secret": SECRET, "far.secret": OTHER})
    try:
        yield running.start()
    finally:
        running.stop()


def notification(name: str, *lines: str) -> bytes:
    """What an application hands in."""
    head = [*lines, "From: shop@example.com", f"To: {JANE}", "Subject: A comment", f"X-Seq: {name}"]
    return "\r\n".join([*head, "", "Somebody wrote something.", ""]).encode()


def received(host: SubmissionSite, name: str) -> Arrived:
    """The notification, as the user got it: never with the field."""
    (found,) = host.site.arrived("X-Seq", name, 1, "people")
    assert not found.values("X-Reply-Mint"), found.fields
    assert SECRET not in str(found.fields)
    return found


def is_minted(found: Arrived) -> bool:
    """Whether it has a reply address."""
    return any("reply+" in value for value in found.values("Reply-To"))


def test_another_user_of_the_host_mints_nothing(host: SubmissionSite) -> None:
    """The hole: user 65534 hands in, from 127.0.0.1, a request for user 1, and answers as that user."""
    heard = host.as_nobody(notification("nobody", ISSUE), JANE)
    assert "550" in heard and "the key is missing or wrong" in heard, heard
    assert "the key is missing or wrong" in host.as_nobody(notification("nobody2", ISSUE + WRONG), JANE)
    assert host.site.arrived("X-Seq", "nobody", 0, "people") == []
    assert host.as_nobody(notification("somebody", ISSUE + KEY), JANE) == "", "the secret, and not the user, counts"
    assert is_minted(received(host, "somebody"))


def test_sendmail_proves_nothing_but_by_a_secret(host: SubmissionSite) -> None:
    """It counts as 127.0.0.1 without a login. A refused message returns without the secret."""
    sendmail = host.site.postfix.sendmail
    for name, field in (("local", ISSUE), ("local2", ISSUE + WRONG), ("local3", FORUM + KEY)):
        sendmail(["-t", "-f", "ann@example.com"], notification(name, field).replace(b"\r", b""))
        (report,) = host.site.arrived("Auto-Submitted", "auto-replied", 1, "people")
        assert f"X-Seq: {name}".encode() in report.body and b"5.7.1" in report.body
        assert b"key=0" not in report.body and SECRET.encode() not in report.body, report.body.decode()
        _forget_reports(host)
    sendmail(["-t", "-f", "ann@example.com"], notification("local4", ISSUE + KEY).replace(b"\r", b""))
    assert is_minted(received(host, "local4"))


def _forget_reports(host: SubmissionSite) -> None:
    for file in (host.site.postfix.people / "new").iterdir():
        if b"auto-replied" in file.read_bytes():
            host.site._mail.pop(file, None)
            file.unlink()


@pytest.mark.parametrize(
    "name,field,source,answer",
    [
        ("missing", ISSUE, "127.0.0.1", WITHOUT_KEY),
        ("wrong", ISSUE + WRONG, "127.0.0.1", WITHOUT_KEY),
        ("anothers", ISSUE + f"; key={OTHER}", "127.0.0.1", NOT_FOR_IT),
        ("doubled", ISSUE + KEY + KEY, "127.0.0.1", WITHOUT_KEY),
        ("other handler", FORUM + KEY, "127.0.0.1", NOT_FOR_IT),
        ("no handler", "X-Reply-Mint: handler=nothing; user=1" + KEY, "127.0.0.1", NOT_FOR_IT),
        ("unreadable", "X-Reply-Mint: handler=issue" + KEY, "127.0.0.1", (550, "5.6.0", "handler and user are needed")),
        ("far, unreadable", f"X-Reply-Mint: user=1; key={OTHER}", STRANGER, (550, "5.6.0", "handler and user")),
        ("far, other handler", ISSUE + f"; key={OTHER}", STRANGER, NOT_FOR_IT),
    ],
)
def test_a_wrong_request_of_a_known_client_is_refused(
    host: SubmissionSite, name: str, field: str, source: str, answer: tuple[int, str, str]
) -> None:
    """In words that say what to do, and hold nothing of what was sent."""
    code, text = host.relay_in(notification(name, field), [JANE], source=source)
    assert (code, text.split()[0]) == answer[:2] and answer[2] in text, text
    assert SECRET not in text and OTHER not in text
    assert host.site.arrived("X-Seq", name, 0, "people") == []


@pytest.mark.parametrize(
    "name,field,source,minted",
    [
        ("right", ISSUE + KEY, "127.0.0.1", True),
        ("folded", ISSUE + f";\r\n\tkey =\r\n {SECRET[:9]}\r\n {SECRET[9:]} ;", "127.0.0.1", True),
        ("far", LENIENT + f"; key={OTHER}", STRANGER, True),
        ("far, here", LENIENT + f"; key={OTHER}", "127.0.0.1", True),
        ("stranger", ISSUE, STRANGER, False),
        ("stranger guesses", LENIENT + WRONG, STRANGER, False),
        ("right key, wrong place", ISSUE + KEY, STRANGER, False),
        ("twice", LENIENT + f"; key={OTHER}\r\n{LENIENT}; key={OTHER}", STRANGER, False),
    ],
)
def test_all_proofs_must_hold_or_the_field_is_taken_off(
    host: SubmissionSite, name: str, field: str, source: str, minted: bool
) -> None:
    """Mail of strangers goes on, as mail without the field does."""
    code, text = host.relay_in(notification(name, field), [JANE], source=source)
    assert code == 250, text
    assert is_minted(received(host, name)) is minted


def test_a_login_counts_for_its_application_alone(host: SubmissionSite) -> None:
    """Every mailbox has one, and none but the application's mints; that one not for another's handler."""
    assert host.submit(notification("shop", ISSUE), [JANE])[0] == 250
    assert is_minted(received(host, "shop"))
    code, text = host.submit(notification("shop2", FORUM), [JANE])
    assert (code, NOT_FOR_IT[2] in text) == (550, True), text
    code, text = host.submit(notification("jane", LENIENT), [JANE], login=PERSON)
    assert code == 550 or not is_minted(received(host, "jane")), text


@pytest.mark.parametrize(
    "line",
    [
        "Resent-From: a@b.example",
        "resent-date : x",
        "List-Id: <a.b.example>",
        "Delivered-To: a@b.example",
        "Return-Path: <a@b.example>",
        "RETURN-path : <a@b.example>",
        "Resent-Bcc: a@b.example",
    ],
)
def test_what_was_on_its_way_before_gets_nothing(host: SubmissionSite, line: str) -> None:
    """A report does not mint, either, even with the right secret or login."""
    for name, send in (("relayed", host.relay_in), ("submitted", host.submit)):
        named = f"{name} {line}"
        code, text = send(notification(named, line, ISSUE + KEY), [JANE])
        assert code == 250, text
        assert not is_minted(received(host, named))


def test_what_postfix_takes_off_stays_off(host: SubmissionSite) -> None:
    """Return-Path and Resent-Bcc leave with no message, though sign mode sees them; other mail stays as it was."""
    head = ["Return-Path: <a@b.example>", "Resent-Bcc: s@b.example", "return-path : <c@d.example>", "Bcc: e@f.example"]
    lines = [*head, "X-Kept: 1", "Resent-To: g@h.example", "Resent-From: g@h.example"]
    for name, send in (("relayed", host.relay_in), ("submitted", host.submit)):
        assert send(notification(f"off {name}", *lines), [JANE])[0] == 250
        fields = received(host, f"off {name}").fields
        names = [field.strip().lower() for field, _ in fields]
        assert not {"bcc", "resent-bcc"} & set(names), fields
        assert [value.strip() for field, value in fields if field.strip().lower() == "return-path"] == [
            "<shop@example.com>"  # virtual(8)'s own
        ]
        assert {"x-kept", "resent-to", "resent-from"} <= set(names)


@pytest.mark.parametrize("line", ["Return-Path: <a@b.example>", "Resent-Bcc: a@b.example", "X-Nothing: 1"])
def test_a_script_that_forwards_gets_nothing(host: SubmissionSite, line: str) -> None:
    """sendmail(1), with the right secret."""
    script = notification(f"script {line}", line, ISSUE + KEY).replace(b"\r\n", b"\n")
    assert host.site.postfix.sendmail(["-f", "shop@example.com", JANE], script).returncode == 0
    found = received(host, f"script {line}")
    assert is_minted(found) is line.startswith("X-")
    assert not found.values("Resent-Bcc") and found.values("Return-Path") == ["<shop@example.com>"]


def test_a_null_sender_gets_nothing(host: SubmissionSite) -> None:
    """It sends reports."""
    assert host.relay_in(notification("null", ISSUE + KEY), [JANE], sender="")[0] == 250
    assert not is_minted(received(host, "null"))


def test_a_message_of_pythons_email_package_keeps_its_key(host: SubmissionSite) -> None:
    """It folds at 78 columns, and writes a longer word in encoded words: what openssl rand -hex 24 makes is shorter."""
    host.keep_secret("script.secret", "5" * 48)
    host.site.daemon.reload()
    try:
        message = EmailMessage()
        message["From"], message["To"], message["X-Seq"] = "shop@example.com", JANE, "python"
        message["X-Reply-Mint"] = f"handler=issue; user=42; locator=go-gitea/gitea/issue/2351; key={'5' * 48}"
        message.set_content("Hello")
        assert host.relay_in(message.as_bytes(), [JANE])[0] == 250
        assert is_minted(received(host, "python"))
        code, _ = host.relay_in(notification("old", ISSUE + KEY), [JANE])
        assert code == 550, "the old secret is gone with the reload"
    finally:
        host.keep_secret("script.secret", SECRET)
        host.site.daemon.reload()


def test_a_secret_that_cannot_be_used_leaves_the_old_one(host: SubmissionSite) -> None:
    """Reported by file and reason, without the file's content."""
    path = host.site.config.parent / "script.secret"
    path.write_text("hunter2 hunter2 hunter2\n")
    try:
        before = host.site.daemon.log().count("not reloaded")
        host.site.daemon.send(signal.SIGHUP)
        wait_until(lambda: host.site.daemon.log().count("not reloaded") > before, 20, "it is refused")
        assert "sign.application[2].secret_file" in host.site.daemon.log()
        assert host.relay_in(notification("kept", ISSUE + KEY), [JANE])[0] == 250
        assert "hunter2" not in host.site.daemon.log()
    finally:
        host.keep_secret("script.secret", SECRET)
        host.site.daemon.reload()
    assert is_minted(received(host, "kept"))


def test_what_gets_by_sign_mode_leaves_without_the_secret(host: SubmissionSite) -> None:
    """contrib's smtp_header_checks; and an attached message stays as it is, octet for octet."""
    attached = f"Content-Type: message/rfc822\r\n\r\n{ISSUE}; key=of-another-host\r\nSubject: x\r\n\r\nHi \u00e9\r\n"
    mixed = f"--b\r\n{attached}--b\r\nContent-Type: text/plain\r\n\r\n{'x' * 900}\r\n--b--\r\n"
    head = [
        "Subject: A",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "X-Seq: by",
        "X-Odd:  a \tb",
    ]
    plain = "\r\n".join([*head, "", mixed]).encode()
    for fields in (b"", f"{ISSUE}{KEY}\r\nx-reply-mint : handler=issue;\r\n\tkey={SECRET}\r\n".encode()):
        assert host.relay_in(fields + plain, [JANE], port=host.bypassing, source=STRANGER)[0] == 250
    wait_until(lambda: len([one for one in host.left() if b"X-Seq: by" in one]) == 2, 20, "both left")
    bare, stripped = (one for one in host.left() if b"X-Seq: by" in one)
    assert bare.endswith(plain) and stripped.endswith(plain)
    assert SECRET.encode() not in stripped


def test_no_log_and_no_page_holds_a_secret(host: SubmissionSite) -> None:
    """After all tests above; log and metrics name the application."""
    for field in (ISSUE + KEY, ISSUE + WRONG, FORUM + KEY, LENIENT + f"; key={OTHER}"):
        host.relay_in(notification("told", field), [JANE])
    log, mail_log = host.site.daemon.log(), host.site.postfix.log()
    page = "".join(host.site.metrics())
    assert "outcome=minted handler=issue application=script" in log
    assert "outcome=refused application=script" in log
    for text in (log, mail_log, page):
        assert [secret for secret in (SECRET, OTHER, WRONG[6:]) if secret in text] == []
    assert "key=0" not in mail_log and "5.7.1 X-Reply-Mint: the key is missing or wrong" in mail_log


def test_doctor_says_who_can_mint(host: SubmissionSite) -> None:
    """By the names in the configuration, and by no secret."""
    command = [sys.executable, "-m", "reply_milter", "doctor", "--config", str(host.site.config)]
    said = " ".join(subprocess.run(command, capture_output=True, cwd="/", check=False).stdout.decode().split())
    assert "the application shop can mint for any user of issue: login shop@example.com" in said
    assert "from 127.0.0.1/32, and the secret in script.secret" in said and "the application far" in said
    assert SECRET not in said and OTHER not in said
