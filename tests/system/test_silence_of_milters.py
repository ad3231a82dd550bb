"""No milter authenticated the author: OpenDKIM alone before us, or milters that are down and skipped."""

from collections.abc import Iterator, Sequence

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.mail_authentication import AUTHSERV_ID, MailAuthentication
from tests.support.hosts.site_under_test import Site
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

FRAGMENTS = ("reply-domain.main.cf", "shared-smtpd.main.cf", "authentication.main.cf")
HEARD = "No DMARC or DKIM result confirms your address"
# The handler that wants proof, and one that lets genuine authors come again.
PATIENT = '[[handler]]\nid = 9\nname = "patient"\n[handler.policy]\nauth_fail = "reject"\nauth_none = "defer"\n'


def site(main_cf: str, fragments: Sequence[str] = FRAGMENTS) -> Site:
    """A Postfix with contrib's milters, and ``main_cf`` behind it."""
    running = Site({'authserv_id = ""': f'authserv_id = "{AUTHSERV_ID}"'}, Layout(fragments, more=main_cf))
    running.configure_text(lambda text: text + PATIENT)
    return running


@pytest.fixture(scope="module")
def opendkim_alone(vouching: MailAuthentication) -> Iterator[Site]:
    """OpenDKIM is the only milter before ours."""
    running = site(vouching.main_cf + "smtpd_milters = $opendkim_milter, $reply_milter\n", FRAGMENTS[:1])
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def both_dead() -> Iterator[Site]:
    """Their sockets are configured, no milter listens, and Postfix passes the mail."""
    places = "".join(f"{name}_milter = inet:127.0.0.1:{free_port()}\n" for name in ("opendkim", "opendmarc"))
    running = site(f"\n{places}milter_default_action = accept\n")
    try:
        yield running.start()
    finally:
        running.stop()


def reply(minted: MintedAddress, name: str, domain: str = "victim.example") -> bytes:
    """Unsigned, by Alice."""
    lines = [f"From: Alice <alice@{domain}>", f"To: <{minted.address}>", "Subject: Re: a question",
             f"Message-ID: <{name}@{domain}>", f"In-Reply-To: <{minted.message_id}>", f"X-Seq: {name}",
             "Date: Sat, 21 Nov 2026 12:00:00 +0000", "", "Yes.", ""]  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("name", ["opendkim_alone", "both_dead"])
def test_silence_is_refused_where_proof_is_wanted(request: pytest.FixtureRequest, name: str) -> None:
    """By auth_fail; deferred where auth_none says so; and accepted, with the reason, where nothing is said."""
    host: Site = request.getfixturevalue(name)
    strict = host.mint("strict", locator="silence/1")
    heard = host.send([f"<{strict.address}>"], reply(strict, name))
    assert heard.startswith(f"550 5.7.1 {HEARD}"), heard
    patient = host.mint("patient", locator="silence/2")
    heard = host.send([f"<{patient.address}>"], reply(patient, name))
    assert heard.startswith(f"451 4.7.1 {HEARD}"), heard
    minted = host.mint(recipient="alice@victim.example", locator="silence/3")
    assert host.send([f"<{minted.address}>"], reply(minted, name)).startswith("250")
    (found,) = host.arrived("X-Seq", name, 1)
    assert isinstance(found.tags, dict)
    assert (found.tags["auth"], found.tags["reason"], found.tags["result"]) == ("none", "auth_none", "pass")
    assert host.metrics()['reply_milter_messages_total{handler="strict",reason="auth_none",verdict="reject"}'] == 1


def test_a_signature_is_proof_enough(opendkim_alone: Site, vouching: MailAuthentication) -> None:
    """OpenDKIM alone: what is signed by the author's domain is taken, also where proof is wanted."""
    strict = opendkim_alone.mint("strict", locator="silence/4")
    message = vouching.sign(reply(strict, "signed", "nodmarc.example"), "nodmarc.example", "s1")
    assert opendkim_alone.send([f"<{strict.address}>"], message).startswith("250")
    (found,) = opendkim_alone.arrived("X-Seq", "signed", 1)
    assert isinstance(found.tags, dict)
    assert found.tags["auth"] == "pass"
