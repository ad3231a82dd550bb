"""Behind a real Rspamd, which writes the results of all methods into one field, in an order of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.mail_authentication import AUTHSERV_ID, MailAuthentication, TextRecords
from tests.support.hosts.rspamd import Rspamd
from tests.support.hosts.site_under_test import Site
from tests.system.test_shaped_results import OCTETS, TAKES_BOUNCES, VICTIM, forged, junk

pytestmark = pytest.mark.system

STARTS = 4  # of Rspamd, each of which may choose another order
Host = tuple[Site, MailAuthentication]


@pytest.fixture(scope="module", params=range(STARTS))
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A Postfix with Rspamd before the daemon, and who signs."""
    folder: Path = tmp_path_factory.mktemp(f"rspamd{request.param}")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    signing = MailAuthentication(folder / "unused")
    signing.records["client.example"] = "v=spf1 ip4:127.0.0.0/8 -all"
    dns = TextRecords(signing.records)
    rspamd = Rspamd(folder / "rspamd", dns.address)
    try:
        rspamd.start()
        fragments = ("reply-domain.main.cf", "shared-smtpd.main.cf")
        layout = Layout(main_cf=fragments, more=f"\nsmtpd_milters = {rspamd.milter}, $reply_milter\n")
        site = Site({'authserv_id = ""': f'authserv_id = "{AUTHSERV_ID}"'}, layout)
        site.configure_text(lambda text: text + TAKES_BOUNCES)
        try:
            yield site.start(), signing
        finally:
            site.stop()
    finally:
        rspamd.stop()
        dns.close()


def test_a_genuine_author_is_vouched_for(host: Host) -> None:
    """At any position of the dkim=pass, even for a handler that requires a pass."""
    site, signing = host
    for name in ("first", "second"):
        minted = site.mint("strict", recipient="alice@alice.example", locator="rspamd/1")
        message = signing.sign(forged(minted, name, "Alice <alice@alice.example>"), "alice.example", "s1")
        heard = site.send([f"<{minted.address}>"], message)
        assert heard.startswith("250"), heard


@pytest.mark.parametrize(
    "client,sender",
    [("x{0}", "<>"), ("x{0} (", "<>"), ("x", '<"@x{0}"@y.example>'), ("x", '<"@x{0} ("@y.example>')],
)
def test_words_of_a_stranger_vouch_for_nobody(host: Host, client: str, sender: str) -> None:
    """Rspamd quotes words that are not plain; without the quotes they would not count, either."""
    site, _ = host
    minted = site.mint("bounces", locator="rspamd/2")
    shape = f"; dkim=pass header.d={VICTIM} header.b={OCTETS[:8]}"
    message = junk("", VICTIM, OCTETS, head="x") + forged(minted, re.sub(r"\W", "", client + sender))
    with site.client() as smtp:
        for command in (f"HELO {client}", f"MAIL FROM:{sender}", f"RCPT TO:<{minted.address}>"):
            assert smtp.docmd(command.format(shape))[0] == 250
        code, text = smtp.data(message)
    assert (code, text.startswith(b"5.7.1 Neither DMARC nor DKIM confirms")) == (550, True), text
