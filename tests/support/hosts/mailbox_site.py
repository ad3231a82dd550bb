"""A host that fetches replies from a real Dovecot, and posts them to an application's endpoint; no MTA."""

import os
import pwd
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.dovecot import PASSWORD, DovecotLayout, PrivateDovecot, dovecot
from tests.support.hosts.imap_proxy import ImapProxy
from tests.support.hosts.receiver import SECRET, Receiver
from tests.support.processes.daemon_process import USER, runtime, wait_until
from tests.support.processes.ports import free_port
from tests.wire.milter_alone import Milter, own_folder

AUTHOR = "alice@client.example"
RECEIVED = "Received: from client.example by mx.example; Sat, 21 Nov 2026 12:00:00 +0000"


def reply(minted: MintedAddress, name: object, *more: str, body: str = "", author: str = AUTHOR) -> bytes:
    """A reply as a provider stores it; ``more`` header lines stand on top of the author's own."""
    lines = [
        f"Return-Path: <{author}>",
        f"Delivered-To: {minted.address}",
        RECEIVED,
        *more,
        f"From: Alice <{author}>",
        f"Message-ID: <{name}@client.example>",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        f"In-Reply-To: <{minted.message_id}>",
        "",
        body or f"This is {name}.",
        "",
    ]
    return "\r\n".join(lines).encode()


def resident_mib(pid: int) -> int:
    """The resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"(?m)^VmRSS:\s+(\d+) kB", status)[0]) // 1024


def read_series(port: int) -> dict[str, float]:
    """Return what a metrics page shows, by series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


class MailboxSite:
    """A daemon without an MTA, with one ``[[imap]]``. ``more``: further lines of that table.

    ``proxied``: ``proxy`` stands before the server; else it is None.
    """

    def __init__(self, folder: Path, server: PrivateDovecot, more: str = "", proxied: bool = False) -> None:
        self.server, self.receiver = server, Receiver()
        self.proxy = ImapProxy(server.port) if proxied else None
        self._url = f"imap://127.0.0.1:{self.proxy.port if self.proxy is not None else server.port}"
        webhook = f'type = "webhook"\nurl = "{self.receiver.url}"\nsecret = "{SECRET}"\ntimeout_seconds = 5'
        secret = folder / "password"
        secret.write_text(f"{PASSWORD}\n")
        self.milter = Milter(folder, changes={"[metrics]": '[delivery]\nlisten = ""\n[metrics]'})
        self.daemon, self.config = self.milter.daemon, self.milter.config
        self._more = ""
        self._text = (
            f"{self.config.read_text()}\n[handler.delivery]\n{webhook}\n\n"
            f'[[imap]]\nname = "inbox"\nurl = "{self._url}"\nuser = "{server.user}"\n'
            f'password_file = "{secret}"\n'
        )
        self.configure(f'delete_message = false\npoll_seconds = 1\nrecipient = "dovecot"\n{more}')

    def configure(self, more: str) -> None:
        """Give the ``[[imap]]`` other lines; the daemon does not reload."""
        self._more = more
        self.config.write_text(self._text + more)

    def edit(self, old: str, new: str) -> None:
        """Replace what the configuration says before those lines."""
        assert self._text.count(old) == 1, old
        self._text = self._text.replace(old, new)
        self.configure(self._more)

    def log_in_with(self, lines: str) -> None:
        """Log in with something else than the password's file."""
        self.edit(f'password_file = "{self.milter.folder}/password"\n', f"{lines}\n")

    def fetch_from(self, url: str) -> None:
        """Fetch from another URL than that of the server's plain port."""
        self.edit(f'url = "{self._url}"', f'url = "{url}"')
        self._url = url

    def page(self) -> "Callable[[], dict[str, float]]":
        """Let the daemon have a metrics page. Returns what reads its series."""
        port = free_port()
        self.edit('[metrics]\nlisten = ""', f'[metrics]\nlisten = "127.0.0.1:{port}"')
        return lambda: read_series(port)

    def start(self) -> "MailboxSite":
        """Start the daemon."""
        self.daemon.start()
        return self

    def stop(self) -> None:
        """End everything but the server."""
        self.daemon.stop()
        self.receiver.close()
        if self.proxy is not None:
            self.proxy.close()

    def deliver(self, name: object, **order: object) -> MintedAddress:
        """Let a genuine reply arrive."""
        minted = self.milter.mint(locator=f"site/{name}", **order)
        self.server.deliver(reply(minted, name))
        return minted

    def deliver_many(self, name: str, count: int) -> None:
        """Let so many genuine replies arrive, each to an address of its own."""
        for number, minted in enumerate(self.milter.mint_many(count, locator=f"site/{name}")):
            self.server.deliver(reply(minted, f"{name}-{number}"))

    def fetch(
        self, *options: str, program: list[str] | None = None, as_root: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``reply-milter fetch`` as the daemon's user, or as root."""
        command = [*(program or ["-m", "reply_milter"]), "fetch", *options, "--config", str(self.config)]
        given = _as_user(self.daemon.environment, as_root)
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [runtime()[0], *command],
            capture_output=True,
            text=True,
            timeout=120,
            **given,  # type: ignore[call-overload]
        )
        return done

    def split(self) -> Path:
        """Take ``[[imap]]`` out of the daemon's configuration. Returns a file that has it, for ``follow``."""
        text = self.config.read_text()
        other = self.config.with_name("fetch.toml")
        other.write_text(text)
        self.config.write_text(text.rpartition("\n[[imap]]\n")[0])
        return other

    def follow(self, program: list[str], config: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        """Start ``program fetch`` beside the daemon, as its user; it writes into the daemon's log."""
        given = _as_user(environment)
        with open(self.daemon.log_path, "ab") as log:
            started: subprocess.Popen[bytes] = subprocess.Popen(
                [runtime()[0], *program, "fetch", "--config", str(config)],
                stderr=log,
                **given,  # type: ignore[call-overload]
            )
        return started

    def fetcher(self) -> int:
        """The process id of the fetcher, as soon as it runs."""
        wait_until(lambda: bool(self._fetchers()), 20, "the fetcher runs")
        return self._fetchers()[-1]

    def _fetchers(self) -> list[int]:
        children = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        log = self.daemon.log()
        return [int(pid) for pid in children if f"started imap0, process {pid}\n" in log]

    def until(self, posts: int, left: int = 0, seconds: float = 60) -> None:
        """Wait until so many ids had an effect, and so many messages are left in the mailbox."""
        wait_until(
            lambda: len(self.receiver.posts) >= posts and self.left() == left, seconds, f"{posts} posts, {left} left"
        )

    def left(self) -> int:
        """Return how many messages are in the mailbox; some may be moved meanwhile."""
        return sum(len(os.listdir(self.server.inbox / part)) for part in ("cur", "new"))

    def settled(self, seconds: float = 0.5) -> None:
        """Give it time to do what it should not."""
        time.sleep(seconds)


def _as_user(environment: dict[str, str], as_root: bool = False) -> dict[str, object]:
    """What a program of ours is started with."""
    given: dict[str, object] = {
        "cwd": "/",
        "env": {"PYTHONPATH": runtime()[1], "PATH": "/usr/bin:/bin", **environment},
    }
    if os.geteuid() == 0 and not as_root:
        given |= {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []}
    return given


@contextmanager
def mailbox_site(more: str = "", layout: DovecotLayout | None = None, proxied: bool = False) -> Iterator[MailboxSite]:
    """A host with a Dovecot of its own; the daemon is not started."""
    with own_folder() as folder, dovecot(layout) as server:
        site = MailboxSite(_made(folder / "host"), server, more, proxied)
        try:
            yield site
        finally:
            site.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o755)
    return folder
