"""Words of a stranger in the results that a real OpenDKIM and a real OpenDMARC write: worth nothing anywhere.

Twice: with contrib/postfix as it is, where Postfix refuses such signatures, and on a host that lets them in.
"""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.mail_authentication import AUTHSERV_ID, MailAuthentication
from tests.support.hosts.site_under_test import Arrived, Site

pytestmark = pytest.mark.system

VICTIM, EVIL = "victim.example", "evil.example"
FRAGMENTS = ("reply-domain.main.cf", "shared-smtpd.main.cf", "authentication.main.cf")
# What contrib/postfix said before it knew of signatures: it is to hold by our own reading alone, too.
LETS_THEM_IN = "header_checks = regexp:{ { /^(Authentication-Results|Received-SPF)[[:space:]]*:/ IGNORE } }\n"
HASH = base64.b64encode(b"x" * 32).decode()
OCTETS = "JUNKJUNKJUNK"  # of a signature in the victim's name, that nobody made
TAKES_BOUNCES = '[[handler]]\nid = 9\nname = "bounces"\n[handler.policy]\nbounce = "accept"\nauth_fail = "reject"\n'

Vouching = MailAuthentication
Message = Callable[[Vouching, bytes], bytes]


def encoded(text: str) -> str:
    """Quoted-printable as i= takes it, every character that is no letter or digit (RFC 6376 section 2.11)."""
    return "".join(letter if letter.isalnum() else f"={ord(letter):02X}" for letter in text)


def junk(identity: str = "", domain: str = EVIL, octets: str = "AAAABBBBCCCC", head: str = "v=1; ") -> bytes:
    """A signature that no key made; ``identity`` becomes its i=."""
    tag = f"i={identity};\r\n\t" if identity else ""
    return (
        f"DKIM-Signature: {head}a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1;\r\n\th=from:to; bh={HASH};\r\n"
        f"\t{tag}b={octets}\r\n"
    ).encode()


def shaped(text: str, *more: bytes) -> Message:
    """A junk signature whose i= is ``text``, and signatures beside it."""
    return lambda _, message: b"".join([junk(f"{encoded(text)}@{EVIL}"), *more, message])


def made_by_evil(selector: str) -> Message:
    """A good signature of a domain that anybody may register."""
    return lambda vouching, message: vouching.sign(message, EVIL, selector)


def two_alike(vouching: Vouching, message: bytes) -> bytes:
    """Two good signatures whose b= begin alike, and end in octets that base64 ignores; OpenDKIM copies most of b=."""
    signed = vouching.sign(message, EVIL, "s2")
    split = re.fullmatch(rb"(DKIM-Signature:.*?)\r\n(From:.*)", signed, re.DOTALL)
    assert split is not None
    twice = [split[1] + b"=(c)header.d=" + VICTIM.encode() + ending for ending in (b"AAAA", b"BBBB")]
    return b"\r\n".join([*twice, split[2]])


# Each in a name of its own. First those that gave auth=pass before results were compared with signatures.
SHAPED: dict[str, Message] = {
    "a result": shaped(f"x; dkim=pass header.d={VICTIM} header.i=a"),
    "a comment over the rest": shaped(f"x; dkim=pass header.d={VICTIM} ("),
    "quotes over the rest": shaped(f'x; dkim=pass header.d={VICTIM} reason="'),
    "a domain behind a selector": made_by_evil(f"x(c)header.d={VICTIM}"),
    "a result, borne out": shaped(
        f"x; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]} header.i=a", junk("", VICTIM, OCTETS)
    ),
    "a result, borne out for us alone": shaped(
        f"x; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]} header.i=a", junk("", VICTIM, OCTETS, head="x")
    ),
    "a field of its own": shaped(
        f"x\nAuthentication-Results: {AUTHSERV_ID}; dmarc=pass header.from={VICTIM}\nX-Rest: "
    ),
    "dmarc": shaped(f"x; dmarc=pass header.from={VICTIM} header.i=a"),
    "spf": shaped(f"x; spf=pass smtp.mailfrom={VICTIM} header.i=a"),
    "a selector that quotes": made_by_evil('x"y'),
    "two signatures alike": two_alike,
    "a blank before the colon": lambda _, message: (
        junk(f"{encoded(f'x; dkim=pass header.d={VICTIM} header.i=a')}@{EVIL}").replace(b"Signature:", b"Signature :")
        + message
    ),
}


@pytest.fixture(scope="module")
def vouching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vouching]:
    """OpenDKIM, OpenDMARC that also checks SPF by itself, and their DNS."""
    folder: Path = tmp_path_factory.mktemp("authentication")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    running = MailAuthentication(folder / "milters", opendmarc="SPFIgnoreResults yes\nSPFSelfValidate yes\n")
    try:
        yield running.start()
    finally:
        running.stop()


def site(vouching: Vouching, more: str, fragments: Sequence[str] = FRAGMENTS) -> Site:
    """A Postfix with both in front of the daemon."""
    layout = Layout(main_cf=fragments, more=vouching.main_cf + more)
    running = Site({'authserv_id = ""': f'authserv_id = "{AUTHSERV_ID}"'}, layout)
    running.configure_text(lambda text: text + TAKES_BOUNCES)
    return running


@pytest.fixture(scope="module")
def shipped(vouching: Vouching) -> Iterator[Site]:
    """As contrib/postfix says."""
    running = site(vouching, "")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def lenient(vouching: Vouching) -> Iterator[Site]:
    """A host that takes every signature."""
    milters = "smtpd_milters = $opendkim_milter, $opendmarc_milter, $reply_milter\n"
    running = site(vouching, LETS_THEM_IN + milters, FRAGMENTS[:1])
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def naive(vouching: Vouching) -> Iterator[Site]:
    """A host without header checks, where OpenDKIM keeps fields that it can't read; without OpenDMARC."""
    running = site(vouching, "smtpd_milters = $opendkim_milter, $reply_milter\n", FRAGMENTS[:1])
    try:
        yield running.start()
    finally:
        running.stop()


def forged(minted: MintedAddress, name: str, author: str = f"Alice <alice@{VICTIM}>") -> bytes:
    """A reply in another person's name."""
    lines = [f"From: {author}", f"To: <{minted.address}>", "Subject: Re: a question", f"Message-ID: <{name}@{EVIL}>",
             f"In-Reply-To: <{minted.message_id}>", f"X-Seq: {name}", "Date: Sat, 21 Nov 2026 12:00:00 +0000", "",
             "Yes.", ""]  # fmt: skip
    return "\r\n".join(lines).encode()


def named(number: int) -> str:
    """A payload's name as an id takes it."""
    return f"shaped-{number}"


def taken(
    site: Site, minted: MintedAddress, name: str, message: bytes, sender: str = "<alice@client.example>"
) -> Arrived:
    """Send it, and wait until it arrives."""
    heard = site.send([f"<{minted.address}>"], message, sender)
    assert heard.startswith("250"), heard
    (found,) = site.arrived("X-Seq", name, 1)
    return found


@pytest.mark.parametrize("number", range(len(SHAPED)), ids=list(SHAPED))
def test_words_of_a_stranger_vouch_for_nobody(lenient: Site, vouching: Vouching, number: int) -> None:
    """Our reading alone: auth=fail, and a handler that wants proof refuses."""
    name, make = named(number), list(SHAPED.values())[number]
    minted = lenient.mint(recipient=f"alice@{VICTIM}", locator="shaped/1")
    found = taken(lenient, minted, name, make(vouching, forged(minted, name)))
    assert isinstance(found.tags, dict)
    assert (found.tags["auth"], found.tags["reason"]) == ("fail", "auth_fail"), found.values("Authentication-Results")
    strict = lenient.mint("strict", locator="shaped/2")
    heard = lenient.send([f"<{strict.address}>"], make(vouching, forged(strict, name)))
    assert heard.startswith("550 5.7.1 Neither DMARC nor DKIM confirms"), heard


def test_the_milters_before_us_are_deceived(lenient: Site, vouching: Vouching) -> None:
    """That these payloads are none of yesterday's: OpenDMARC says dmarc=pass on what OpenDKIM copied."""
    for number in (list(SHAPED).index("a result"), list(SHAPED).index("a domain behind a selector")):
        name = f"deceived-{number}"
        minted = lenient.mint(locator="shaped/3")
        found = taken(lenient, minted, name, list(SHAPED.values())[number](vouching, forged(minted, name)))
        assert any("dmarc=pass" in value for value in found.values("Authentication-Results"))


@pytest.mark.parametrize("number", range(len(SHAPED)), ids=list(SHAPED))
def test_postfix_refuses_the_signature(shipped: Site, vouching: Vouching, number: int) -> None:
    """contrib/postfix refuses such mail, and the reply names the tag."""
    minted = shipped.mint(locator="shaped/4")
    message = list(SHAPED.values())[number](vouching, forged(minted, named(number)))
    heard = shipped.send([f"<{minted.address}>"], message)
    assert re.match(r"550 5\.7\.1 (Encoded or quoted i|Malformed [sb])= in DKIM-Signature", heard), heard


@pytest.mark.parametrize("author", [
    f'"x" <alice@{VICTIM};dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}>',
    f'alice@"; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}"',
    f"<alice@[;dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}]>",
    f"alice@{VICTIM} (; dmarc=pass)",
])  # fmt: skip
def test_an_authors_domain_vouches_for_nobody(lenient: Site, author: str) -> None:
    """OpenDMARC copies it into header.from, as it reads it."""
    minted = lenient.mint(locator="shaped/5")
    name = f"author-{len(author)}"
    message = junk("", VICTIM, OCTETS, head="x") + forged(minted, name, author)
    heard = lenient.send([f"<{minted.address}>"], message)
    if heard.startswith("550"):
        assert "A reply needs one From with one address" in heard
        return
    (found,) = lenient.arrived("X-Seq", name, 1)
    assert isinstance(found.tags, dict)
    assert found.tags["auth"] == "fail", found.values("Authentication-Results")


@pytest.mark.parametrize("ending", ["", " (", ' reason=\\"', " header.i=a"])
def test_an_envelope_sender_vouches_for_nobody(lenient: Site, ending: str) -> None:
    """OpenDMARC copies it into smtp.mailfrom."""
    minted = lenient.mint(locator="shaped/6")
    name = f"envelope-{len(ending)}"
    message = junk("", VICTIM, OCTETS, head="x") + forged(minted, name)
    sender = f'<"@x; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}{ending}"@y.example>'
    found = taken(lenient, minted, name, message, sender)
    assert isinstance(found.tags, dict)
    values = [" ".join(value.split()) for value in found.values("Authentication-Results")]
    assert any(f"smtp.mailfrom=x; dkim=pass header.d={VICTIM}" in value for value in values), values
    assert found.tags["auth"] == "fail"


def test_a_clients_name_vouches_for_nobody(lenient: Site) -> None:
    """Its HELO stands in smtp.helo where there is no sender; but most handlers take no mail without one."""
    minted = lenient.mint("bounces", locator="shaped/8")
    message = junk("", VICTIM, OCTETS, head="x") + forged(minted, "helo")
    with lenient.client() as client:
        for command in (
            f"HELO x; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}", "MAIL FROM:<>", f"RCPT TO:<{minted.address}>"
        ):  # fmt: skip
            assert client.docmd(command)[0] == 250
        code, text = client.data(message)
    assert (code, text.startswith(b"5.7.1 Neither DMARC nor DKIM confirms")) == (550, True), text


SILENT = ["", "t=x;", "x=-1;", "t=999999999999999999999999;", "z=a\x01;", "z=\xe4;", "_a=b;", "a b=c;", ";", "foo;"]


@pytest.mark.parametrize("number", range(len(SILENT)), ids=[ascii(tag) for tag in SILENT])
def test_a_field_that_nobody_took_off_vouches_for_nobody(naive: Site, number: int) -> None:
    """Beside a signature that fails, or of which OpenDKIM says nothing, so that the forged field is the only one."""
    minted = naive.mint(locator="shaped/9")
    name = f"silent-{number}"
    field = (
        f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}; arc=pass arc.x=y"
    )
    signature = junk("", VICTIM, OCTETS, head=f"v=1; {SILENT[number]} ").decode().encode("latin-1")
    found = taken(naive, minted, name, field.encode() + b"\r\n" + signature + forged(minted, name))
    assert isinstance(found.tags, dict)
    values = found.values("Authentication-Results")
    assert any("arc.x=y" in value for value in values)
    assert any("dkim=fail" in value for value in values) is not bool(SILENT[number])
    assert found.tags["auth"] == "fail"


@pytest.mark.parametrize("site_name", ["shipped", "lenient"])
def test_good_signatures_pass(request: pytest.FixtureRequest, vouching: Vouching, site_name: str) -> None:
    """Several signatures, with i= and z=, even if others are broken or another domain's."""
    host: Site = request.getfixturevalue(site_name)
    minted = host.mint(recipient="alice@alice.example", locator="shaped/7")
    message = forged(minted, "good", "Alice <alice@alice.example>")
    message = vouching.sign(vouching.sign(message, "lists.example", "s-2._x"), "alice.example", "s1")
    message = (
        junk(f"@{EVIL}", head="v=1; z=From:a=40b|Subject:(x=20y; ")
        + junk("prvs+x_y@mail.evil.example", octets="DDDDEEEE")
        + message
    )
    found = taken(host, minted, "good", message)
    assert isinstance(found.tags, dict)
    assert (found.tags["auth"], found.tags["reason"]) == ("pass", "ok"), found.values("Authentication-Results")
