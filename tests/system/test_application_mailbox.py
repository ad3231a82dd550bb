"""contrib/postfix for an application that knows nothing of us: every road to its mailbox leads to the hook."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.postfix_folder import PostfixFolder
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port
from tests.support.wrapped_settings import gitea

pytestmark = pytest.mark.system

NATIVE = "incoming+AHQ6DKDR2NIMXV4QAHQ6DKDR2NIMXV4QAHQ6DKDR2NIMXV4QAHQ6DKDR2NIMXV4Q@git.example.com"
HOOK = "reply-delivery:unix:reply-milter/lmtp.sock"
OURS = [NATIVE, NATIVE.upper(), "incoming@git.example.com", "incoming+@git.example.com", "incoming+a+b@git.example.com"]
OTHERS = [
    "incomings@git.example.com",
    "my-incoming@git.example.com",
    "postmaster@git.example.com",
    "incoming@git.example.com.other.example",
    "incoming@gitxexample.com",
]
MAIN = ("reply-domain.main.cf", "own-smtpd.main.cf", "reply-hook.main.cf", "reply-application.main.cf",
        "reply-application-own-smtpd.main.cf")  # fmt: skip
SIGNING = ("reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf", "submission.main.cf", "signer.main.cf",
           "reply-application.main.cf")  # fmt: skip
WRAPPED = gitea('type = "maildir"\npath = "/nowhere"\n')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PostfixFolder:
    """All fragments of a host with a wrapped application, for postconf and postmap."""
    layout = (SIGNING, ("reply-hook.master.cf", "submission.master.cf"))
    return PostfixFolder(tmp_path_factory.mktemp("postfix"), layout)


def said(folder: PostfixFolder, *command: str) -> str:
    """What a program of Postfix prints about the folder."""
    program, *arguments = command
    argv = [program, "-c", str(folder.folder / "etc"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("address", OURS + OTHERS)
def test_the_mailbox_and_nothing_else_goes_to_the_hook(folder: PostfixFolder, address: str) -> None:
    """As postmap answers from the table that transport_maps and relay_recipient_maps share."""
    tables = said(folder, "postconf", "-x", "-h", "reply_application_mailboxes")
    assert said(folder, "postmap", "-q", address, tables) == (HOOK if address in OURS else "")
    for name in ("transport_maps", "relay_recipient_maps"):
        assert tables in said(folder, "postconf", "-x", "-h", name)


@pytest.mark.parametrize("asked", [("-P", "submission/inet/smtpd_milters"), ("non_smtpd_milters",)])
def test_the_sign_socket_stands_before_the_signer(folder: PostfixFolder, asked: tuple[str, ...]) -> None:
    """And while it is down, notifications wait, whatever milter_default_action says."""
    milters = re.findall(
        r"unix:([a-z-]+/[a-z]+)\.sock[^}]*default_action=(\w+)", said(folder, "postconf", "-x", *asked)
    )
    assert milters == [("reply-milter/verify", "tempfail"), ("reply-milter/sign", "tempfail"),
                       ("opendkim/opendkim", "tempfail")]  # fmt: skip


def test_the_doctor_finds_nothing_new_in_these_lines(folder: PostfixFolder) -> None:
    """It reads them as Postfix does."""
    services = ("reply-hook.master.cf", "submission.master.cf")
    with tempfile.TemporaryDirectory(prefix="rm-lines-") as short:  # a socket's path has at most 107 octets
        without = PostfixFolder(Path(short) / "postfix", (SIGNING[:4], services))
        assert [one.check for one in folder.findings()] == [one.check for one in without.findings()]


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """The second layout: the smtpd of the reply domain asks the milter, the other one does not."""
    layout = Layout(main_cf=MAIN, master_cf=("reply-hook.master.cf", "own-smtpd.master.cf"), own_smtpd_port=free_port())
    running = DeliverySite('[sign]\nsocket = "SIGN"\n', layout=layout, handlers=WRAPPED)
    running.site.replace_in_settings("SIGN", f"unix:{running.site.mta.socket_folder}/sign.sock")
    try:
        yield running.start()
    finally:
        running.stop()


def message(name: str) -> bytes:
    """A reply of somebody who knows the key."""
    return f"From: eve@example.net\r\nTo: <{NATIVE}>\r\nSubject: {name}\r\n\r\nI am Jane.\r\n".encode()


@pytest.mark.parametrize("recipient", [*OURS, '"incoming"@git.example.com', "@relay.example:incoming@git.example.com"])
def test_another_smtpd_refuses_the_mailbox(host: DeliverySite, recipient: str) -> None:
    """In every spelling: it asks no milter."""
    assert re.match(r"55[04] 5\.[17]\.1 ", host.site.send([f"<{recipient}>"], message("elsewhere")))


def test_our_own_smtpd_takes_the_mailbox_where_the_milter_does(host: DeliverySite) -> None:
    """The milter decides about it, and not the relay restrictions; other mailboxes of that domain are unknown."""
    port = host.site.postfix.own_smtpd_port
    assert host.site.send(["<incoming@git.example.com>"], b"", port=port).startswith("550 5.7.1 ")
    assert "Relay access denied" not in host.site.send(["<incoming@git.example.com>"], b"", port=port)
    assert host.site.send(["<incomings@git.example.com>"], b"", port=port).startswith("55")
    with host.site.client(port) as client:
        client.mail("eve@example.net")
        assert client.rcpt(NATIVE)[0] == 250  # nothing was wrapped yet


def test_what_comes_past_the_milter_is_kept_by_the_hook(host: DeliverySite) -> None:
    """sendmail(1) asks no milter: without a seal it is a dead letter, and reaches neither application nor mailbox."""
    done = host.site.postfix.sendmail(["-f", "eve@example.net", NATIVE], message("by sendmail"))
    assert done.returncode == 0, done.stderr
    dead = host.site.folder / "state" / "dead-letters"
    wait_until(lambda: _holds(dead, "by sendmail"), 20, f"a dead letter: {host.site.daemon.log()[-800:]}")
    assert host.site.matching("Subject", "by sendmail", "people") == []
    assert sum(host.receiver.posts.values()) == 0


def _holds(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
