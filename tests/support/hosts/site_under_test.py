"""A whole mail host for a test: a real MTA, the daemon behind its socket, and the mailboxes where mail arrives."""

import grp
import os
import pwd
import re
import shutil
import smtplib
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.cli.demo.private_postfix import Layout, PrivatePostfix
from reply_milter.cli.init import write_files
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.verdict_header import SealProblem, unseal
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, store_url
from reply_text.syntax.message_file import split
from tests.support.hosts.private_sendmail import PrivateSendmail
from tests.support.hosts.sendmail_settings import SendmailLayout
from tests.support.processes import engine
from tests.support.processes.daemon_process import USER, DaemonProcess, wait_until
from tests.support.processes.ports import free_port

DOMAIN = "reply.example.com"
ARRIVAL_SECONDS = 15.0

HANDLERS = """
[[handler]]
id = 2
name = "forum"
context = "integer"
validity_days = 30
expired_url = "https://forum.example.com/replies"

[[handler]]
id = 3
name = "gone"
context = "integer"
enabled = false

[[handler]]
id = 4
name = "lenient"
context = "thread"
[handler.policy]
thread_absent = "accept"
thread_mismatch = "defer"
sender_mismatch = "park"
auto_reply = "reject"
duplicate = "discard"

[[handler]]
id = 5
name = "strict"
context = "thread"
[handler.policy]
auth_fail = "reject"
replies_per_token = 2
senders_per_token = 1

[[handler]]
id = 6
name = "careful"
context = "thread"
[handler.policy]
sender_mismatch = "park"
replies_per_token = 1
senders_per_token = 1
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message in a mailbox. ``tags``: of its verdict, or the problem with its seal."""

    fields: list[tuple[str, str]]
    body: bytes
    tags: dict[str, str] | SealProblem

    def values(self, name: str) -> list[str]:
        """The values of all fields called ``name``."""
        return [value.strip() for known, value in self.fields if known.lower() == name.lower()]


def reply(minted: MintedAddress, name: object, *more: str, body: str = "") -> bytes:
    """A good reply to an address, named in X-Seq and by its Message-ID; ``more`` header lines go on top."""
    lines = [
        *more,
        "From: alice@client.example",
        f"Message-ID: <{name}@client.example>",
        f"X-Seq: {name}",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        f"In-Reply-To: <{minted.message_id}>",
        "",
        body or f"This is {name}.",
        "",
    ]
    return "\r\n".join(lines).encode()


def _private_mta(folder: Path, layout: Layout | SendmailLayout | None) -> PrivatePostfix | PrivateSendmail:
    if isinstance(layout, SendmailLayout):
        return PrivateSendmail(folder / "sendmail", free_port(), layout)
    return PrivatePostfix(folder / "postfix", free_port(), layout)


class Site:
    """A private MTA with the daemon. ``changes``: replacements in the configuration that ``init`` writes.

    The MTA is Postfix, unless ``layout`` is one of Sendmail's.
    """

    def __init__(
        self,
        changes: dict[str, str] | None = None,
        layout: Layout | SendmailLayout | None = None,
        timeout_ms: int = 2000,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="reply-milter-test-"))
        self.folder.chmod(0o755)
        self.mta = _private_mta(self.folder, layout)
        self.metrics_port = free_port()
        self._mail: dict[Path, Arrived] = {}
        account = pwd.getpwnam(USER)
        self.mta.prepare(account.pw_uid, grp.getgrnam("postfix").gr_gid)
        etc = self.folder / "etc"
        write_files(etc, DOMAIN, DOMAIN, str(self.folder / "state"))
        self.config = etc / "reply-milter.toml"
        self._text = self.config.read_text().replace("/var/spool/postfix/reply-milter", str(self.mta.socket_folder))
        self._text = self._text.replace("127.0.0.1:9797", f"127.0.0.1:{self.metrics_port}") + HANDLERS
        # A loaded machine must not look like a slow store; tests of slow stores set their own timeout.
        self._text = engine.named(self._text.replace("timeout_ms = 200 ", f"timeout_ms = {timeout_ms} "))
        self.configure(changes or {})
        (self.folder / "state").mkdir()
        for path in (self.folder / "state", etc, *etc.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
        self.daemon = DaemonProcess(self.config, self.mta.socket_folder / "verify.sock", self.folder / "daemon.log")

    def configure(self, changes: dict[str, str]) -> None:
        """Write the configuration with ``changes``; the daemon does not reload."""
        text = self._text
        for old, new in changes.items():
            assert re.search(old, text), f"nothing to change: {old}"
            text = re.sub(old, new, text)
        self.config.write_text(text)

    def replace_in_settings(self, old: str, new: str) -> None:
        """Put ``new`` for ``old`` in the configuration, before the daemon starts."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def configure_text(self, change: Callable[[str], str]) -> None:
        """Change the configuration as it stands; the daemon does not reload."""
        self.config.write_text(change(self.config.read_text()))

    def start(self) -> "Site":
        """Start the daemon, then the MTA."""
        self.daemon.start()
        self.mta.start()
        return self

    def stop(self) -> None:
        """End both and remove everything."""
        self.mta.stop()
        self.daemon.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def postfix(self) -> PrivatePostfix:
        """The MTA, for tests of Postfix alone."""
        assert isinstance(self.mta, PrivatePostfix)
        return self.mta

    @property
    def sendmail_mta(self) -> PrivateSendmail:
        """The MTA, for tests of Sendmail alone."""
        assert isinstance(self.mta, PrivateSendmail)
        return self.mta

    @property
    def settings(self) -> Settings:
        """The configuration with its keys."""
        return load(str(self.config))

    def store(self) -> RedisStore:
        """The daemon's store, with time to spare."""
        config = self.settings.config
        return RedisStore(store_url(config), 2.0, config.realm)

    def mint(self, handler: str = "issue", days_ago: float = 0, **order: object) -> MintedAddress:
        """An address of ``handler``, as an application would have it."""
        settings = self.settings
        found = settings.config.handlers.named(handler)
        assert found is not None
        now = int(time.time() - 86400 * days_ago)
        wanted = {"user": 42, "unique": os.urandom(4).hex(), **order}
        return mint(Order(now=now, **wanted), found, settings.keyring, settings.config.form)  # type: ignore[arg-type]

    def client(self, port: int | None = None) -> smtplib.SMTP:
        """An SMTP client that has said EHLO."""
        source = (self.mta.client_address, 0) if isinstance(self.mta, PrivateSendmail) else None
        client = smtplib.SMTP("127.0.0.1", port or self.mta.port, timeout=60, source_address=source)
        client.ehlo("client.example")
        return client

    def send(
        self, recipients: list[str], message: bytes, sender: str = "<alice@client.example>", port: int | None = None
    ) -> str:
        """Send a message; the first refusal, or the answer to its final dot."""
        with self.client(port) as client:
            for command in (f"MAIL FROM:{sender}", *(f"RCPT TO:{recipient}" for recipient in recipients)):
                code, text = client.docmd(command)
                if code >= 400:
                    return f"{code} {text.decode(errors='replace')}"
            code, text = client.data(message)
            return f"{code} {text.decode(errors='replace')}"

    def arrived(self, name: str, value: str, wanted: int, where: str = "replies") -> list[Arrived]:
        """Messages with a field ``name: value`` in a mailbox, after ``wanted`` of them came and the queue is empty."""
        wait_until(lambda: len(self.matching(name, value, where)) >= wanted, ARRIVAL_SECONDS, f"{wanted} x {value}")
        wait_until(lambda: not self.mta.queue(), ARRIVAL_SECONDS, "an empty queue")
        return self.matching(name, value, where)

    def all_replies(self) -> list[Arrived]:
        """Everything in the replies' mailbox."""
        return self._mailbox("replies")

    def matching(self, name: str, value: str, where: str = "replies") -> list[Arrived]:
        """Messages with a field ``name: value`` in a mailbox now."""
        return [message for message in self._mailbox(where) if value in message.values(name)]

    def _mailbox(self, where: str) -> list[Arrived]:
        folder = self.mta.replies if where == "replies" else self.mta.people
        for file in sorted((folder / "new").glob("*")) if folder.is_dir() else []:
            if file not in self._mail:  # a file in a Maildir never changes
                self._mail[file] = self._read(file)
        return [message for file, message in self._mail.items() if file.is_relative_to(folder)]

    def _read(self, file: Path) -> Arrived:
        fields, body = split(file.read_bytes())
        values = [value for name, value in fields if name.lower() == VERDICT.lower()]
        tags = unseal(values, self.settings.seal_keys)
        digest = BodyDigest()
        digest.feed(body)
        if not isinstance(tags, SealProblem) and tags["body"] != digest.text():
            tags = SealProblem.BROKEN
        return Arrived(fields, body, tags)

    def metrics(self) -> dict[str, float]:
        """What ``/metrics`` shows now, by series."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def settled(self, minted: MintedAddress, replies: int) -> None:
        """Wait until so many replies to an address are committed."""
        wait_until(lambda: self._committed(minted) >= replies, 10, f"{replies} committed replies", self.told)

    def told(self) -> str:
        """The ends of both logs, for a test that fails."""
        return f"{self.daemon.log()[-3000:]}\n{self.mta.log()[-3000:]}"

    def _committed(self, minted: MintedAddress) -> int:
        return sum(value[:1] == b"C" for value in self.on_record(minted).values())

    def on_record(self, minted: MintedAddress) -> dict[bytes, bytes]:
        """An address's hash in the store."""
        key = self.settings.keyring.minting_key(minted.token.user)
        config = self.settings.config
        local = minted.address.split("@")[0]
        with redis.Redis.from_url(store_url(config)) as client:
            found: dict[bytes, bytes] = client.hgetall(f"rm1:{key.token_id(config.form.token_text(local))}")
        return found
