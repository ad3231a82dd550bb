"""What contrib makes of ordinary mail: nothing. It arrives as it was sent, and its DKIM signature still holds.

Signed, with whole messages attached that bear the very fields which we, Postfix or the milters before us look at.
"""

import re
from collections.abc import Iterator, Sequence

import pytest

from reply_milter.cli.demo.private_postfix import Layout, contrib_folder
from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.mail_authentication import AUTHSERV_ID, MailAuthentication
from tests.support.hosts.site_under_test import Arrived, Site
from tests.support.hosts.submission_site import SubmissionSite
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

DOMAIN, AUTHENTICATED = "alice.example", "authentication"
BASE = "reply-domain.main.cf", "shared-smtpd.main.cf"
# Every fragment for main.cf stands in one of these, and each of theirs for master.cf with it.
LAYOUTS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "shared": (BASE, ("reply-delivery.master.cf",)),
    "own": (
        (
            "reply-domain.main.cf",
            "own-smtpd.main.cf",
            "reply-application.main.cf",
            "reply-application-own-smtpd.main.cf",
        ),
        ("reply-delivery.master.cf", "own-smtpd.master.cf"),
    ),
    "hook": ((*BASE, "reply-hook.main.cf", "reply-application.main.cf"), ("reply-hook.master.cf",)),
    "submission": ((*BASE, "submission.main.cf"), ("reply-delivery.master.cf", "submission.master.cf")),
    AUTHENTICATED: ((*BASE, "authentication.main.cf"), ("reply-delivery.master.cf",)),
}
# Fields that header_checks of ours, the milters before us, sign mode or the hook act on.
LOOKED_AT = (
    f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=x.example; dmarc=pass header.from=x.example",
    "Received-SPF: pass (x) receiver=mx.example.com; identity=mailfrom; envelope-from=a@x.example",
    "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=x(c)y; h=from; bh=eHg=;\r\n\ti=x=3B=20y@x.example; b=a(b",
    "X-Reply-Verdict: v=1; result=pass; reason=ok; seal=abcdefghijklmnopqrstuvwxyz",
    "X-Reply-Mint: handler=issue; user=42; context=1",
    "Received: from x.example by y.example; Sat, 21 Nov 2026 12:00:00 +0000",
    "Subject: =?utf-8?q?a_long?=\r\n =?utf-8?q?_one?=",
)


def parts() -> list[str]:
    """A text, a message, one in a message, a part with such fields of its own, and a file."""
    inner = "\r\n".join([*LOOKED_AT, "From: bob@x.example", "", "Inner.", ".", "..", "From the start.", ""])
    outer = "\r\n".join([*LOOKED_AT, "Content-Type: message/rfc822", "", inner])
    return [
        "Content-Type: text/plain; charset=us-ascii\r\n\r\nSee below.\r\n\tA tab, and blanks:   \r\n"
        + "x" * 900
        + "\r\n",
        f"Content-Type: message/rfc822\r\n\r\n{inner}",
        f"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n{outer}",
        "\r\n".join(["Content-Type: text/plain", *LOOKED_AT, "", "A part with a header like a message's.", ""]),
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + "AAAA" * 19 + "\r\n",
    ]


def ordinary(name: str, minted: MintedAddress | None = None) -> bytes:
    """Mail from Alice to Bob; with a token, it answers a notification as well."""
    lines = [
        f"From: Alice <alice@{DOMAIN}>", "To: bob@example.com", f"Subject: Forwarded: {name}",
        f"Message-ID: <{name}@{DOMAIN}>", f"X-Seq: {name}", "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        f"In-Reply-To: <{minted.message_id if minted else 'a@b.example'}>", "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="=_limit"', "",
    ]  # fmt: skip
    body = "".join(f"--=_limit\r\n{part}\r\n" for part in parts())
    return ("\r\n".join(lines) + "\r\n" + body + "--=_limit--\r\n").encode()


@pytest.fixture(scope="module", params=list(LAYOUTS))
def host(request: pytest.FixtureRequest, vouching: MailAuthentication) -> Iterator[Site]:
    """A Postfix with each layout."""
    running = SubmissionSite() if request.param == "submission" else with_layout(request.param, vouching)
    try:
        running.start()
        yield running.site if isinstance(running, SubmissionSite) else running
    finally:
        running.stop()


def with_layout(name: str, vouching: MailAuthentication) -> Site:
    """A Postfix that has no sign mode."""
    main_cf, master_cf = LAYOUTS[name]
    trusted = name == AUTHENTICATED
    layout = Layout(main_cf, master_cf, more=vouching.main_cf if trusted else "", own_smtpd_port=free_port())
    return Site({'authserv_id = ""': f'authserv_id = "{AUTHSERV_ID if trusted else ""}"'}, layout)


def arrived_as_sent(site: Site, vouching: MailAuthentication, name: str, sent: bytes, where: str = "people") -> Arrived:
    """Look for it in a mailbox: what was signed is there, and signed anew it gets the same signature."""
    (found,) = site.arrived("X-Seq", name, 1, where)
    body = re.sub(rb"\r?\n", b"\r\n", found.body)
    assert body == sent.split(b"\r\n\r\n", 1)[1]
    kept = [f"{known}: {value.strip()}" for known, value in found.fields if known.lower() != "dkim-signature"]
    message = re.sub(r"\r?\n", "\r\n", "\n".join(kept)).encode() + b"\r\n\r\n" + body
    again = vouching.sign(message, DOMAIN, "s1").removesuffix(message).decode()
    (signature,) = found.values("DKIM-Signature")
    assert re.sub(r"\s", "", again) == "DKIM-Signature:" + re.sub(r"\s", "", signature)
    return found


def results(found: Arrived) -> str:
    """What the milters before us wrote of it."""
    return " ".join(" ".join(value.split()) for value in found.values("Authentication-Results"))


def test_every_fragment_is_tried() -> None:
    """A new one has to be thought of here."""
    tried = {name for layout in LAYOUTS.values() for names in layout for name in names}
    of_replies_alone = {"reply-pipe.master.cf"}
    of_what_is_submitted = {"signer.main.cf"}  # its purpose is to add a signature
    assert {path.name for path in contrib_folder().glob("*.cf")} - tried == of_replies_alone | of_what_is_submitted


def test_mail_between_people(host: Site, vouching: MailAuthentication) -> None:
    """From outside."""
    sent = vouching.sign(ordinary("people"), DOMAIN, "s1")
    assert host.send(["<bob@example.com>"], sent).startswith("250")
    found = arrived_as_sent(host, vouching, "people", sent)
    if "authentication.main.cf" in (host.postfix.folder / "etc/main.cf").read_text():
        assert "dkim=pass" in results(found) and "dmarc=pass" in results(found)


@pytest.mark.parametrize("host", ["shared", "submission", AUTHENTICATED], indirect=True)
def test_mail_to_people_beside_a_reply(host: Site, vouching: MailAuthentication) -> None:
    """They all get the same message, below our verdict."""
    minted = host.mint(locator="stays/1")
    sent = vouching.sign(ordinary("beside", minted), DOMAIN, "s1")
    assert host.send(["<bob@example.com>", f"<{minted.address}>"], sent).startswith("250")
    arrived_as_sent(host, vouching, "beside", sent)


def test_mail_from_the_host_itself(host: Site, vouching: MailAuthentication) -> None:
    """By sendmail(1), whose mail non_smtpd_milters get, and so does sign mode in its layout."""
    sent = vouching.sign(ordinary("local"), DOMAIN, "s1")
    done = host.postfix.sendmail(["-i", "-f", f"alice@{DOMAIN}", "bob@example.com"], sent.replace(b"\r\n", b"\n"))
    assert done.returncode == 0, done.stderr
    arrived_as_sent(host, vouching, "local", sent)


@pytest.mark.parametrize("host", ["shared", AUTHENTICATED], indirect=True)
def test_a_reply_stays_as_it_was_below_its_verdict(host: Site, vouching: MailAuthentication) -> None:
    """What an application may want to verify by itself."""
    minted = host.mint(locator="stays/2")
    sent = vouching.sign(ordinary("reply", minted), DOMAIN, "s1")
    assert host.send([f"<{minted.address}>"], sent).startswith("250")
    found = arrived_as_sent(host, vouching, "reply", sent, "replies")
    assert isinstance(found.tags, dict)
    assert found.tags["auth"] == ("pass" if "dkim=pass" in results(found) else "none")


def test_mail_through_sendmail(sendmail_site: Site, vouching: MailAuthentication) -> None:
    """As contrib/sendmail says: the same."""
    sent = vouching.sign(ordinary("sendmail"), DOMAIN, "s1")
    assert sendmail_site.send(["<bob@example.com>"], sent).startswith("250")
    arrived_as_sent(sendmail_site, vouching, "sendmail", sent)
