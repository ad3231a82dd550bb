"""The daemon fetches over TLS and STARTTLS, over IPv6, and with tokens that expire, from a real Dovecot."""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificate import Authority
from tests.support.hosts.dovecot import PASSWORD, DovecotLayout
from tests.support.hosts.imap_proxy import Cut
from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site
from tests.support.processes.daemon_process import wait_until
from tests.support.token_server import TokenServer, token_server

pytestmark = pytest.mark.system

HERE = ("localhost", "127.0.0.1", "::1")
CONNECTED = 'reply_milter_imap_connected{mailbox="inbox"}'
WAYS = ("imaps", "imap+starttls")
LONG = bool(os.environ.get("REPLY_MILTER_LONG"))  # make faults; each of these starts a host of its own


@dataclass
class Encrypted:
    """A host whose Dovecot has a certificate of a private authority; the daemon is not started."""

    site: MailboxSite
    authority: Authority
    series: Callable[[], dict[str, float]]

    def url(self, way: str, host: str = "127.0.0.1") -> str:
        """Where the server speaks so."""
        server = self.site.server
        return f"{way}://{host}:{server.tls_port if way == 'imaps' else server.port}"

    def trust(self) -> None:
        """Have the daemon trust the authority, as an installed one."""
        self.site.daemon.environment["SSL_CERT_FILE"] = str(self.authority.certificate)

    def show(self, *names: str, days: int = 30) -> None:
        """Have the server show another certificate."""
        server = self.site.server
        server.stop()
        self.authority.issue(server.certificate, server.folder / "key.pem", names, days)
        server.start()

    def until_connected(self, wanted: bool) -> None:
        """Wait until the metric says so."""
        wait_until(lambda: self.series().get(CONNECTED) == wanted, 30, f"connected: {wanted}: {self.tail}")

    @property
    def tail(self) -> str:
        """The end of the daemon's log."""
        return self.site.daemon.log()[-2000:]


@pytest.fixture
def host() -> Iterator[Encrypted]:
    """It takes no password in the clear from elsewhere, and logs what it retries."""
    with mailbox_site(layout=DovecotLayout(plaintext=False)) as site:
        authority = Authority(site.milter.folder / "authority.pem")
        site.edit('level = "info"', 'level = "debug"')
        found = Encrypted(site, authority, site.page())
        found.show(*HERE)
        yield found


@pytest.mark.parametrize("way", WAYS)
def test_a_private_authority_is_trusted_where_the_system_does(host: Encrypted, way: str) -> None:
    """Each reply has one effect, also after the server was away; by name and by address."""
    host.site.fetch_from(host.url(way, "localhost"))
    host.trust()
    host.site.start()
    host.until_connected(True)
    host.site.deliver("one")
    host.site.until(posts=1)
    host.show(*HERE)
    host.site.deliver("two")
    host.site.until(posts=2)
    assert sum(host.site.receiver.posts.values()) == 2
    assert f"user=<{host.site.server.user}>" in host.site.server.log() and ", TLS" in host.site.server.log()


@pytest.mark.parametrize(
    "trusted,names,days,said",
    [
        (False, HERE, 30, "unable to get local issuer certificate"),
        (True, ("mail.elsewhere.example",), 30, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (True, HERE, -1, "certificate has expired"),
    ],
    ids=["unknown", "wrong-name", "expired"],
)
@pytest.mark.parametrize("way", WAYS if LONG else WAYS[1:])
def test_a_certificate_that_is_not_good_is_refused(
    host: Encrypted, way: str, trusted: bool, names: tuple[str, ...], days: int, said: str
) -> None:
    """The password is not sent; log and metric say so, tries come ever later, and a good one needs no restart."""
    site = host.site
    site.fetch_from(host.url(way))
    if trusted:
        host.trust()
        host.show(*names, days=days)
    site.deliver("waits")
    site.start()
    wait_until(lambda: len(_waits(site)) >= 3, 40, f"three tries: {host.tail}")
    (warned,) = re.findall(r"warning .*not connected.*", site.daemon.log())  # the same again is for debugging
    assert f"the server's certificate is not good: {said}" in warned
    assert host.series()[CONNECTED] == 0
    longest = [1, 2, 4]
    assert all(most / 2 - 0.5 <= wait <= most for wait, most in zip(_waits(site), longest, strict=False)), host.tail
    assert "Login: user" not in site.server.log() and PASSWORD not in site.daemon.log()
    assert (site.receiver.posts, site.left()) == ({}, 1)
    if trusted:
        host.show(*HERE)
        host.until_connected(True)
        site.until(posts=1)


def _waits(site: MailboxSite) -> list[int]:
    return [int(seconds) for seconds in re.findall(r"not connected, will retry in (\d+) s", site.daemon.log())]


def test_a_connection_that_is_cut_at_starttls_is_begun_anew() -> None:
    """Before the server hears it, after, and in its answer: never does the fetcher go on in the clear."""
    with mailbox_site(layout=DovecotLayout(plaintext=False), proxied=True) as site:
        assert site.proxy is not None
        authority = Authority(site.milter.folder / "authority.pem")
        host = Encrypted(site, authority, dict)
        host.show(*HERE)
        host.trust()
        site.fetch_from(f"imap+starttls://127.0.0.1:{site.proxy.port}")
        for number, cut in enumerate((Cut.BEFORE, Cut.AFTER, Cut.MIDWAY), 1):
            site.proxy.arm("STARTTLS", cut)
            if number == 1:
                site.start()
            else:
                site.server.stop()
                site.server.start()
            wait_until(lambda: site.proxy is not None and site.proxy.cuts == number, 30, f"cut: {host.tail}")  # noqa: B023
            site.deliver(cut)
            site.until(posts=number)
        log = site.server.log()
        assert len(re.findall(r"Login: user=", log)) == len(re.findall(r"Login: user=.*TLS", log)) >= 3


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")
@pytest.mark.parametrize("way", ["imap", *WAYS] if LONG else WAYS[:1])
def test_over_ipv6(way: str) -> None:
    """The address in brackets, as URLs have it; a certificate names it without."""
    with mailbox_site(layout=DovecotLayout(address="::1")) as site:
        host = Encrypted(site, Authority(site.milter.folder / "authority.pem"), dict)
        host.show("::1")
        host.trust()
        site.fetch_from(host.url(way, "[::1]"))
        site.start()
        site.deliver("one")
        site.until(posts=1)
        assert re.search(r"Login: user=.*rip=::1", site.server.log())


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    """What Dovecot asks whether a token is good."""
    with token_server("inbound@example.com") as server:
        yield server


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"] if LONG else ["oauthbearer"])
def test_a_command_is_asked_anew_when_its_token_has_expired(tokens: TokenServer, auth: str) -> None:
    """Once more in the same login, then with ever longer waits; a new token needs no reload."""
    with mailbox_site(layout=DovecotLayout(token_info=tokens.info)) as site:
        command = _command(site.milter.folder)
        site.log_in_with(f'auth = "{auth}"\npassword_command = ["{command}", "--user", "inbound"]')
        series = site.page()
        tokens.good = {"golden"}
        command.with_name("token").write_text("golden\n")
        site.start()
        site.deliver("one")
        site.until(posts=1)
        assert _asked(command) == ["--user inbound"]
        tokens.good = {"silver"}
        site.server.stop()
        site.server.start()
        site.deliver("two")
        wait_until(lambda: "refuses the login" in site.daemon.log(), 30, f"refused: {site.daemon.log()[-2000:]}")
        assert len(_asked(command)) >= 3 and series()[CONNECTED] == 0
        command.with_name("token").write_text("silver\n")
        site.until(posts=2)
        assert series()[CONNECTED] == 1
        assert "golden" not in site.daemon.log() and "silver" not in site.daemon.log()


def test_a_command_that_renews_its_token_is_refused_nothing(tokens: TokenServer) -> None:
    """Its first answer may be a token from before; the second one is good, in the same login."""
    with mailbox_site(layout=DovecotLayout(token_info=tokens.info)) as site:
        command = _command(site.milter.folder, "echo fresh > token")
        site.log_in_with(f'auth = "xoauth2"\npassword_command = ["{command}"]')
        tokens.good = {"fresh"}
        command.with_name("token").write_text("stale\n")
        site.start()
        site.deliver("one")
        site.until(posts=1)
        assert len(_asked(command)) == 2 and "refuses" not in site.daemon.log()


def _command(folder: Path, then: str = ":") -> Path:
    """A program that prints what is in ``token`` beside it, notes that it was asked, and does ``then``."""
    place = folder / "command"
    place.mkdir()
    place.chmod(0o777)
    program = place / "token.sh"
    program.write_text(f'#!/bin/sh\ncd {place}\necho "$*" >> asked\ncat token\n{then}\n')
    program.chmod(0o755)
    (place / "token").touch()
    (place / "token").chmod(0o666)
    return program


def _asked(program: Path) -> list[str]:
    return program.with_name("asked").read_text().splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as root")
def test_once_as_root_and_then_as_the_daemons_user(host: Encrypted) -> None:
    """Root leaves no file behind that the daemon can't use; what root alone may read is of no use to either."""
    site = host.site
    owner, state = site.config.stat().st_uid, site.milter.folder / "state"
    assert f"{state} does not exist" in site.fetch("--once", as_root=True).stderr
    state.mkdir(mode=0o700)
    shutil.chown(state, owner)
    password = site.milter.folder / "password"
    password.chmod(0o600)
    site.deliver("one")
    refused = site.fetch("--once", as_root=True)
    assert (refused.returncode, f"{password}: Permission denied" in refused.stderr) == (os.EX_CONFIG, True)
    shutil.chown(password, owner)
    for number, as_root in enumerate((True, False, True), 1):
        done = site.fetch("--once", as_root=as_root)
        assert (done.returncode, len(site.receiver.posts), site.left()) == (0, number, 0), done.stderr
        assert {path.stat().st_uid for path in (state, *state.rglob("*"))} == {owner}
        site.deliver(f"after-{number}")
    site.start()
    site.until(posts=4)
    assert site.fetch("--once", as_root=True).returncode == 0
    assert sum(site.receiver.posts.values()) == 4
