"""Recipients as Sendmail reads them: their spellings, and the forms of ``{rcpt_addr}`` by way of delivery."""

import re
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.hosts.sendmail_settings import CONTRIB, SendmailLayout
from tests.support.hosts.site_under_test import DOMAIN, Site, reply
from tests.system.test_spellings import ODD, PLAIN

pytestmark = pytest.mark.system

# Beside Postfix's: what Sendmail's grammar takes for more than a name.
ODDER = {
    "group": f"<x:{{t}}@{DOMAIN};>",
    "colon": f"<mx.example.com:{{t}}@{DOMAIN}>",
    "two ats": f"<{{t}}@{DOMAIN}@mx.example.com>",
    "percent without a host": f"<{{t}}%{DOMAIN}>",
    "bang and percent": f"<{DOMAIN}!{{t}}%{DOMAIN}>",
    "route through ourselves": f"<@mx.example.com:{{t}}@{DOMAIN}>",
    "brackets twice": f"<<{{t}}@{DOMAIN}>>",
    "list": f"<bob@example.com,{{t}}@{DOMAIN}>",
    "quoted delimiter": f'<reply"+"{{g}}@{DOMAIN}>',
    "half quoted": f'<"reply"+{{g}}@{DOMAIN}>',
    "comment in the mailbox": f"<reply(hello)+{{g}}@{DOMAIN}>",
    "space in the mailbox": f"<reply +{{g}}@{DOMAIN}>",
    "tab": f"<{{t}}\t@{DOMAIN}>",
    "dot in front": f"<.{{t}}@{DOMAIN}>",
    "dot behind": f"<{{t}}.@{DOMAIN}>",
    "escaped at": f"<{{t}}\\@{DOMAIN}@mx.example.com>",
    "unclosed": f"<{{t}}@{DOMAIN}",
    "text behind": f"<{{t}}@{DOMAIN}>x",
    "address literal": "<{t}@[127.0.0.1]>",
    "no domain": "<{t}>",
    "below the domain": f"<{{t}}@mail.{DOMAIN}>",
}
LOOPBACK, STRANGER = "127.0.0.1", "127.0.0.2"


def _rcpt(site: Site, recipient: str) -> str:
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:{recipient}")
    return f"{code} {text.decode(errors='replace')}"


def _spelled(site: Site, pattern: str) -> str:
    local = site.mint(locator="spelling/1").address.split("@")[0]
    return pattern.format(t=local, T=local.upper(), g=local.removeprefix("reply+"))


def _disagreements(site: Site) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{site.metrics_port}/metrics", timeout=5) as page:
        found = re.findall(r"(?m)^reply_milter_address_disagreements_total (\S+)$", page.read().decode())
    return sum(map(float, found))


# --- Spellings


@pytest.fixture(params=[STRANGER, LOOPBACK], ids=["stranger", "loopback"])
def client_site(sendmail_site: Site, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A client that may relay, or one that may not: Sendmail lets loopback."""
    mta = sendmail_site.sendmail_mta
    mta.client_address = request.param
    yield sendmail_site
    mta.client_address = STRANGER


@pytest.mark.parametrize("pattern", [*ODD.values(), *ODDER.values()], ids=[*ODD, *ODDER])
def test_odd_spellings_of_a_genuine_address_are_refused(client_site: Site, pattern: str) -> None:
    """By us (5.1.3), or by Sendmail itself; never the 250 that would deliver it unverified."""
    answer = _rcpt(client_site, _spelled(client_site, pattern))
    assert answer.startswith("5"), answer


def test_most_odd_spellings_reach_us_and_are_refused_by_us(client_site: Site) -> None:
    """Else the table above would show Sendmail's strictness, and not ours."""
    patterns = {**ODD, **ODDER}
    ours = [
        name for name, pattern in patterns.items() if "550 5.1.3" in _rcpt(client_site, _spelled(client_site, pattern))
    ]
    assert len(ours) >= 20, ours


@pytest.mark.parametrize("pattern", PLAIN.values(), ids=PLAIN)
def test_plain_spellings_are_verified(client_site: Site, pattern: str) -> None:
    """The mailertable's form of {rcpt_addr}, a whole address, agrees with ours."""
    assert _rcpt(client_site, _spelled(client_site, pattern)).startswith("250")


@pytest.mark.parametrize("pattern", [*ODD.values(), *ODDER.values(), *PLAIN.values()], ids=[*ODD, *ODDER, *PLAIN])
def test_no_spelling_of_a_forged_address_gets_in(client_site: Site, pattern: str) -> None:
    """A token that we did not make is refused in every spelling."""
    forged = "reply+" + "0" * 10 + "b" + "a" * 47
    answer = _rcpt(client_site, pattern.format(t=forged, T=forged.upper(), g=forged.removeprefix("reply+")))
    assert answer.startswith(("5", "451 4.7.1")), answer


@pytest.mark.parametrize("letter", ["\u212a", "\u017f", "\uff41", "\u0131", "é"])
def test_letters_outside_ascii_never_fold_into_a_token(sendmail_site: Site, letter: str) -> None:
    """Debian's Sendmail offers no SMTPUTF8, and passes most octets above 127 all the same."""
    local = sendmail_site.mint(locator="spelling/2").address.split("@")[0]
    with sendmail_site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        client.send(f"RCPT TO:<{local[:-1]}{letter}@{DOMAIN}>\r\n".encode())
        code, text = client.getreply()
    assert 500 <= code <= 559, text


def test_ordinary_recipients_with_odd_spellings_are_not_our_business(sendmail_site: Site) -> None:
    """What is delivered to other people is never refused by us, however it is spelled."""
    for recipient in (
        "<bob@example.com>", '<"bob smith"@example.com>', "<@relay.example:bob@example.com>", "<bob@example.com.>",
        "<bob(reply+x@reply.example.com)@example.com>", "<reply+x@example.com>", "<example.com!bob>",
        "<bob%example.com@mx.example.com>",
    ):  # fmt: skip
        assert _rcpt(sendmail_site, recipient).startswith("250"), recipient


@pytest.mark.parametrize("domain", [f"mail.{DOMAIN}", f"x.y.{DOMAIN}"])
def test_what_lies_below_the_reply_domain_is_not_relayed(client_site: Site, domain: str) -> None:
    """RELAY_DOMAIN alone would accept it, for a host that does not exist."""
    assert _rcpt(client_site, f"<bob@{domain}>").startswith("550 5.1.2")


# --- The other two ways to a mailbox, and their {rcpt_addr}


def _without_mailertable(lines: str) -> dict[str, str]:
    """The fragment with the domain given to ``lines`` instead of the mailertable."""
    fragment = (CONTRIB / "reply-milter.mc").read_text()
    rules = fragment[fragment.index("LOCAL_CONFIG") : fragment.index("dnl #\ndnl # Where accepted replies go")]
    return {"RELAY_DOMAIN(`REPLY_DOMAIN')": lines, rules: ""}


@pytest.fixture(scope="module")
def local_site() -> Iterator[Site]:
    """The reply domain among local-host-names, and the mailbox a user of this host."""
    layout = SendmailLayout(change=_without_mailertable("LOCAL_DOMAIN(`REPLY_DOMAIN')"), users=["reply"])
    running = Site({"accept_domains = .*": f'accept_domains = ["{DOMAIN}", "mx.example.com"]'}, layout=layout)
    try:
        yield running.start()
    finally:
        running.stop()


def test_local_mailer_gives_a_local_part_alone_and_that_agrees(local_site: Site) -> None:
    """{rcpt_addr} has no domain: the argument has it. Sealed and delivered, with the domain of the argument."""
    minted = local_site.mint(locator="local/1")
    assert local_site.send([f"<{minted.address}>"], reply(minted, "to-local")).startswith("250")
    (found,) = local_site.arrived("X-Seq", "to-local", 1, "people")
    assert isinstance(found.tags, dict), found.fields
    assert found.tags["recipient_domain"] == DOMAIN
    assert _disagreements(local_site) == 0


@pytest.mark.parametrize("name", [*ODD, *(name for name in ODDER if name != "below the domain")])
def test_local_mailer_takes_no_odd_spelling_either(local_site: Site, name: str) -> None:
    """Quoted, routed, without a domain: a bare local part of ours in {rcpt_addr} is never ordinary."""
    answer = _rcpt(local_site, _spelled(local_site, {**ODD, **ODDER}[name]))
    assert answer.startswith("5"), answer


def test_local_users_are_reached_by_every_local_domain(local_site: Site) -> None:
    """So each of local-host-names must be an accept domain: then nothing gets to the user unverified."""
    assert _rcpt(local_site, "<reply+x@mx.example.com>").startswith("550 5.7.1")
    assert _rcpt(local_site, "<reply@mx.example.com>").startswith("550 5.7.1")
    assert _rcpt(local_site, "<root@mx.example.com>").startswith("250")


@pytest.mark.parametrize("target", ["inbox%3@example.com", "inbox%3"], ids=["elsewhere", "a local user"])
def test_virtusertable_shows_the_mapped_address_and_that_is_refused(target: str) -> None:
    """The two readings disagree: 550 5.1.3 for every client, and a count that operators see on the first day."""
    lines = "VIRTUSER_DOMAIN(`REPLY_DOMAIN')dnl\nFEATURE(`virtusertable')"
    layout = SendmailLayout(
        change=_without_mailertable(lines), tables={"virtusertable": f"reply+*@{DOMAIN}\t{target}\n"}, users=["inbox"]
    )
    running = Site(layout=layout)
    try:
        running.start()
        minted = running.mint(locator="virtual/1")
        answer = _rcpt(running, f"<{minted.address}>")
        assert answer.startswith("550 5.1.3"), answer
        assert _disagreements(running) == 1
    finally:
        running.stop()


def test_virtusertable_that_keeps_the_local_part_agrees() -> None:
    """Mapped to a local user of the mailbox's name, {rcpt_addr} is what the local mailer gives."""
    lines = "VIRTUSER_DOMAIN(`REPLY_DOMAIN')dnl\nFEATURE(`virtusertable')"
    layout = SendmailLayout(
        change=_without_mailertable(lines), tables={"virtusertable": f"reply+*@{DOMAIN}\treply%3\n"}, users=["reply"]
    )
    running = Site(layout=layout)
    try:
        running.start()
        minted = running.mint(locator="virtual/2")
        assert _rcpt(running, f"<{minted.address}>").startswith("250")
        assert _disagreements(running) == 0
    finally:
        running.stop()
