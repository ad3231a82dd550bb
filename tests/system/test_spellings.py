"""The spellings of a recipient that Postfix delivers to our mailbox: each is verified or refused, never let through."""

from collections.abc import Iterator

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.site_under_test import DOMAIN, Site

pytestmark = pytest.mark.system

# As measured with Postfix 3.7.11: all of these are delivered to reply+TOKEN@reply.example.com. {t} is the local part.
ODD = {
    "quoted": f'<"{{t}}"@{DOMAIN}>',
    "source route": f"<@relay.example:{{t}}@{DOMAIN}>",
    "backslash": f"<\\{{t}}@{DOMAIN}>",
    "quoted backslash": f'<"reply+\\{{g}}"@{DOMAIN}>',
    "trailing dot": f"<{{t}}@{DOMAIN}.>",
    "percent hack": f"<{{t}}%{DOMAIN}@mx.example.com>",
    "percent hack to ourselves": f"<{{t}}%{DOMAIN}@{DOMAIN}>",
    "bang path": f"<{DOMAIN}!{{t}}>",
    "two bangs": f"<mx.example.com!{DOMAIN}!{{t}}>",
    "quoted whole address": f'<"{{t}}@{DOMAIN}"@mx.example.com>',
    "comment in the domain": f"<{{t}}@{DOMAIN}(hello)>",
    "comment in front": f"<(hello){{t}}@{DOMAIN}>",
    "space after the at": f"<{{t}}@ {DOMAIN}>",
    "space before the at": f"<{{t}} @{DOMAIN}>",
    "display name": f"Shop <{{t}}@{DOMAIN}>",
    "space in the brackets": f"< {{t}}@{DOMAIN} >",
}
PLAIN = {
    "canonical": f"<{{t}}@{DOMAIN}>",
    "upper-case local part": f"<{{T}}@{DOMAIN}>",
    "upper-case domain": f"<{{t}}@{DOMAIN.upper()}>",
    "no brackets": f"{{t}}@{DOMAIN}",
}


_TRUSTING = """
mynetworks = 127.0.0.0/8
mydestination = mx.example.com
local_recipient_maps =
virtual_mailbox_domains = example.com
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A host that trusts its clients: from strangers Postfix itself refuses percent hacks and bang paths."""
    running = Site(layout=Layout(more=_TRUSTING))
    try:
        yield running.start()
    finally:
        running.stop()


def _answer(site: Site, pattern: str) -> str:
    local = site.mint(locator="spelling/1").address.split("@")[0]
    recipient = pattern.format(t=local, T=local.upper(), g=local.removeprefix("reply+"))
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:{recipient}")
    return f"{code} {text.decode()}"


@pytest.mark.parametrize("pattern", ODD.values(), ids=ODD)
def test_odd_spellings_of_a_genuine_address_are_refused(site: Site, pattern: str) -> None:
    """A 5xx, ours (5.1.3) or Postfix's own; never the 250 that would deliver it unverified."""
    answer = _answer(site, pattern)
    assert answer.startswith(("550 5.1.3", "550 5.7.1", "501 5.1.3", "555 5.5.4")), answer


def test_most_odd_spellings_reach_us_and_are_refused_by_us(site: Site) -> None:
    """Else the table above would show Postfix's strictness, and not ours."""
    ours = [name for name, pattern in ODD.items() if "550 5.1.3" in _answer(site, pattern)]
    assert len(ours) >= 10, ours


@pytest.mark.parametrize("pattern", PLAIN.values(), ids=PLAIN)
def test_plain_spellings_are_verified(site: Site, pattern: str) -> None:
    """Letters in either case, and brackets that an old client leaves out."""
    assert _answer(site, pattern).startswith("250"), pattern


@pytest.mark.parametrize("pattern", [*ODD.values(), *PLAIN.values()], ids=[*ODD, *PLAIN])
def test_no_spelling_of_a_forged_address_gets_in(site: Site, pattern: str) -> None:
    """A token that we did not make is refused in every spelling."""
    forged = "reply+" + "0" * 10 + "b" + "a" * 47
    recipient = pattern.format(t=forged, T=forged.upper(), g=forged.removeprefix("reply+"))
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:{recipient}")
    assert code >= 400, text


@pytest.mark.parametrize("letter", ["\u212a", "\u017f", "\uff41", "\u0131", "é"])
def test_letters_outside_ascii_never_fold_into_a_token(site: Site, letter: str) -> None:
    """SMTPUTF8 lets them in, and Postfix folds them to ASCII in its macro; a token is ASCII."""
    local = site.mint(locator="spelling/2").address.split("@")[0]
    spelled = local[:-1] + letter
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example> SMTPUTF8")
        client.send(f"RCPT TO:<{spelled}@{DOMAIN}>\r\n".encode())
        code, text = client.getreply()
    assert code == 550, text


def test_ordinary_recipients_with_odd_spellings_are_not_our_business(site: Site) -> None:
    """What is delivered to other people is never refused by us, however it is spelled."""
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        for recipient in (
            "<bob@example.com>", '<"bob smith"@example.com>', "<@relay.example:bob@example.com>", "<bob@example.com.>",
            "<bob(reply+x@reply.example.com)@example.com>", "<reply+x@example.com>",
            '<"reply+x@reply.example.com"@elsewhere.example>',
        ):  # fmt: skip
            code, text = client.docmd(f"RCPT TO:{recipient}")
            assert code == 250, (recipient, text)
