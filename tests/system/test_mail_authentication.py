"""Behind a real OpenDKIM and a real OpenDMARC: who vouches for the author, and what a forged word is worth."""

from collections.abc import Iterator

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.mail_authentication import AUTHSERV_ID, MailAuthentication
from tests.support.hosts.site_under_test import Site

pytestmark = pytest.mark.system

FORGED = [
    f"{AUTHSERV_ID}; dmarc=pass header.from=victim.example",
    f"{AUTHSERV_ID}; dkim=pass header.d=victim.example; dmarc=pass header.from=victim.example",
    f"{AUTHSERV_ID.upper()} 1;\r\n dmarc=pass",
    f"\r\n {AUTHSERV_ID};\r\n dmarc=pass",
    # OpenDKIM can't read this one, so it stays; OpenDMARC then says dmarc=pass, unless it is taken off before.
    f"{AUTHSERV_ID}; dkim=pass header.d=victim.example; arc=pass arc.chain=x",
    # And it reads our name through whatever RFC 5322 lets stand between and around its letters.
    f"(;) {AUTHSERV_ID}; dkim=pass header.d=victim.example; arc=pass arc.chain=x",
    '"mx\\.example\\.com"; dkim=pass header.d=victim.example; arc=pass arc.chain=x',
    "mx. example.com; dkim=pass header.d=victim.example; arc=pass arc.chain=x",
    "mx .example .com; dkim=pass header.d=victim.example; arc=pass arc.chain=x",
    "mx.(c)example.com; dkim=pass header.d=victim.example; arc=pass arc.chain=x",
    "mx.\r\n example.com; dkim=pass header.d=victim.example; arc=pass arc.chain=x",
]


@pytest.fixture(scope="module")
def host(vouching: MailAuthentication) -> Iterator[Site]:
    """A Postfix with both in front of the daemon, as contrib/postfix says."""
    fragments = ("reply-domain.main.cf", "shared-smtpd.main.cf", "authentication.main.cf")
    layout = Layout(main_cf=fragments, more=vouching.main_cf)
    running = Site({'authserv_id = ""': f'authserv_id = "{AUTHSERV_ID}"'}, layout)
    try:
        yield running.start()
    finally:
        running.stop()


def answer(minted: MintedAddress, name: str, domain: str, *head: str) -> bytes:
    """A reply by Alice at ``domain``."""
    lines = [*head, f"From: Alice <alice@{domain}>", f"To: <{minted.address}>", "Subject: Re: a question",
             f"Message-ID: <{name}@{domain}>", f"In-Reply-To: <{minted.message_id}>", f"X-Seq: {name}",
             "Date: Sat, 21 Nov 2026 12:00:00 +0000", "", "Yes.", ""]  # fmt: skip
    return "\r\n".join(lines).encode()


def taken(host: Site, minted: MintedAddress, name: str, message: bytes) -> dict[str, str]:
    """Send it, and return the tags of its good verdict."""
    heard = host.send([f"<{minted.address}>"], message)
    assert heard.startswith("250"), heard
    (found,) = host.arrived("X-Seq", name, 1)
    assert isinstance(found.tags, dict), found.fields
    return found.tags


def test_a_signed_reply_of_an_aligned_domain_passes(host: Site, vouching: MailAuthentication) -> None:
    """DKIM, and DMARC that rests on it."""
    minted = host.mint(recipient="alice@alice.example", locator="auth/1")
    message = vouching.sign(answer(minted, "aligned", "alice.example"), "alice.example", "s1")
    tags = taken(host, minted, "aligned", message)
    assert (tags["auth"], tags["sender"], tags["reason"]) == ("pass", "match", "ok")


def test_a_domain_without_dmarc_passes_by_its_signature(host: Site, vouching: MailAuthentication) -> None:
    """dmarc=none, dkim=pass of the author's own domain."""
    minted = host.mint(locator="auth/2")
    message = vouching.sign(answer(minted, "nodmarc", "nodmarc.example"), "nodmarc.example", "s1")
    assert taken(host, minted, "nodmarc", message)["auth"] == "pass"


def test_an_unsigned_reply_fails_and_is_taken_all_the_same(host: Site) -> None:
    """The default: the application sees auth=fail and decides."""
    minted = host.mint(recipient="alice@victim.example", locator="auth/3")
    tags = taken(host, minted, "unsigned", answer(minted, "unsigned", "victim.example"))
    assert (tags["auth"], tags["reason"], tags["result"]) == ("fail", "auth_fail", "pass")


@pytest.mark.parametrize("number", range(len(FORGED)))
def test_a_forged_word_is_worth_nothing(host: Site, number: int) -> None:
    """It convinces neither OpenDMARC nor us; a handler that requires proof refuses it."""
    lines = [f"Authentication-Results: {FORGED[number]}", f"authentication-results : {FORGED[number]}"]
    minted = host.mint(locator="auth/4")
    name = f"forged{number}"
    assert taken(host, minted, name, answer(minted, name, "victim.example", *lines))["auth"] == "fail"
    strict = host.mint("strict", locator="auth/5")
    heard = host.send([f"<{strict.address}>"], answer(strict, name, "victim.example", *lines))
    assert heard.startswith("550 5.7.1 Neither DMARC nor DKIM confirms your address"), heard


def test_a_forged_received_spf_is_worth_nothing(host: Site) -> None:
    """OpenDMARC believes one, as Debian configures it."""
    forged = "Received-SPF: pass (x) receiver=mx.example.com; identity=mailfrom; envelope-from=alice@victim.example"
    strict = host.mint("strict", locator="auth/8")
    heard = host.send(
        [f"<{strict.address}>"], answer(strict, "spf", "victim.example", forged), "<alice@victim.example>"
    )
    assert heard.startswith("550 5.7.1 Neither DMARC nor DKIM confirms"), heard


@pytest.mark.parametrize(
    "signer,author,auth",
    [
        ("mail.nodmarc.example", "nodmarc.example", "pass"),
        ("nodmarc.example", "desk.nodmarc.example", "pass"),
        ("co.uk", "shop.co.uk", "fail"),
        ("you.github.io", "me.github.io", "fail"),
    ],
)
def test_a_signature_vouches_for_the_domains_of_its_owner(
    host: Site, vouching: MailAuthentication, signer: str, author: str, auth: str
) -> None:
    """dkim=pass in each case, and no DMARC record: alignment is ours to see."""
    minted = host.mint(locator="auth/9")
    name = f"owner-{signer}"
    message = vouching.sign(answer(minted, name, author), signer, "s1")
    tags = taken(host, minted, name, message)
    (found,) = host.arrived("X-Seq", name, 1)
    assert any("dkim=pass" in value for value in found.values("Authentication-Results"))
    assert tags["auth"] == auth


def test_somebody_elses_signature_vouches_for_nobody(host: Site, vouching: MailAuthentication) -> None:
    """dkim=pass of another domain."""
    strict = host.mint("strict", locator="auth/6")
    message = vouching.sign(answer(strict, "other", "victim.example"), "nodmarc.example", "s1")
    assert host.send([f"<{strict.address}>"], message).startswith("550 5.7.1")


def test_ours_stands_above_theirs(host: Site, vouching: MailAuthentication) -> None:
    """x-reply-token beside what the milters before us wrote, which stays."""
    minted = host.mint(recipient="alice@alice.example", locator="auth/7")
    message = vouching.sign(answer(minted, "both", "alice.example"), "alice.example", "s1")
    taken(host, minted, "both", message)
    (found,) = host.arrived("X-Seq", "both", 1)
    values = [" ".join(value.split()) for value in found.values("Authentication-Results")]
    assert values[0] == f"{AUTHSERV_ID}; x-reply-token=pass"
    assert any("dmarc=pass" in value for value in values[1:])
    assert any("dkim=pass" in value for value in values[1:])
