"""The demonstration's processes: a private Postfix, the daemon with sign mode and hook, and a small application."""

import os
import secrets
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from grp import getgrnam
from pathlib import Path
from typing import Any

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.process_tree import die_with_parent
from reply_milter.cli import init
from reply_milter.cli.demo import wrapped
from reply_milter.cli.demo.letters import ALICE, Letter
from reply_milter.cli.demo.private_postfix import Layout, PostfixError, PrivatePostfix
from reply_milter.cli.demo.receiver import DemoReceiver
from reply_milter.cli.errors import CommandError
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.ports import UserChange
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, open_registry

_DOMAIN = "reply.example.com"
_WAIT_SECONDS = 15.0
_KEY_FILE = "shop.key"
_FRAGMENTS = ("reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf", "submission.main.cf",
              "reply-application.main.cf")  # fmt: skip
# What submission.master.cf has, for an application on this host instead of one with a login.
_SERVICES = """
127.0.0.1:{port} inet n - y - - smtpd
  -o smtpd_milters=$reply_milter,$reply_sign_milter
  -o cleanup_service_name=cleanup-sign
cleanup-sign unix n - y - 0 cleanup
  -o message_drop_headers=bcc,content-length
"""


@dataclass(frozen=True, slots=True)
class DemoSite:
    """The running demonstration."""

    postfix: PrivatePostfix
    settings: Settings
    config: Path
    receiver: DemoReceiver
    submission_port: int
    log: Path

    @property
    def application_secret(self) -> str:
        """The secret that the application sends to get an address minted."""
        return (self.config.parent / _KEY_FILE).read_text(encoding="ascii")

    def mint(self, user: int, locator: str, days_ago: int = 0) -> MintedAddress:
        """See ``letters.Minting``."""
        now = WallClock().now() - 86400 * days_ago
        order = Order(user, now, locator=locator, recipient=ALICE, unique="demo")
        handler = self.settings.config.handlers.by_id[1]
        return mint(order, handler, self.settings.keyring, self.settings.config.form)

    def submit(self, message: str) -> None:
        """Submit a notification with sendmail -t, as an application on this host does."""
        done = self.postfix.sendmail(["-t", "-f", "shop@example.com"], message.encode())
        if done.returncode:
            raise CommandError(os.EX_UNAVAILABLE, f"sendmail: {done.stderr.decode(errors='replace').strip()}")

    def hand_in(self, sender: str, message: str) -> None:
        """See ``wrapped.WrappedSite``."""
        with smtplib.SMTP("127.0.0.1", self.submission_port) as client:
            client.sendmail(sender, [ALICE], message)

    def send(self, letter: Letter) -> str:
        """Send a message as a mail server does; return the last answer."""
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        answers = f"In-Reply-To: {letter.answers}\r\n" if letter.answers else ""
        head = (
            f"{letter.more}From: Alice <{letter.author}>\r\nTo: <{letter.to}>\r\nSubject: Re: news\r\nDate: {date}\r\n"
        )
        message = f"{head}Message-ID: {letter.message_id}\r\n{answers}\r\n{letter.text}\r\n"
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as client:
            client.ehlo("client.example")
            client.mail(letter.author)
            code, text = client.rcpt(letter.to)
            if code == 250:
                code, text = client.data(message.encode())
        return f"{code} {text.decode(errors='replace')}"

    def what_arrived(self, letter: Letter, heard: str) -> str:
        """Describe what arrived at the application, in a mailbox, or at the hook."""
        taken = len(self._posts(letter.text))
        if not heard.startswith("250"):
            return "nothing more" if taken else "nothing"
        wait_for(lambda: not self.postfix.queue(), "an empty queue")
        if letter.text == "Yes.":
            return self._described("From my phone.")
        if self._posts(letter.text):
            return self._described(letter.text)
        if "From my phone." in letter.text:
            return "parked: Alice is asked whether it is hers"
        return "as it was sent" if _in_mailbox(self.postfix.people, letter.text) else "nothing"

    def posted(self, text: str) -> dict[str, Any]:
        """Return the reply with this text, as the application received it."""
        wait_for(lambda: bool(self._posts(text)), "the webhook's call")
        return self._posts(text)[-1]

    def in_mailbox(self, text: str) -> "Message[str, str]":
        """Return a message with this text from the people's mailboxes."""
        return self._found(self.postfix.people, text)

    def at_application(self, text: str) -> "Message[str, str]":
        """See ``wrapped.WrappedSite``."""
        return self._found(_mailbox_of_application(self.config), text)

    def _found(self, mailbox: Path, text: str) -> "Message[str, str]":
        wait_for(lambda: _in_mailbox(mailbox, text) is not None, "a mail in a mailbox")
        found = _in_mailbox(mailbox, text)
        if found is None:
            raise CommandError(os.EX_UNAVAILABLE, "a message has disappeared from its mailbox")
        return found

    def _described(self, text: str) -> str:
        ours = self.posted(text)["Reply"]
        return f"posted: user {ours['user']}, {ours['locator']}, sender {ours['sender']}"

    def _posts(self, text: str) -> list[dict[str, Any]]:
        return [call for call in self.receiver.calls if call["StrippedTextReply"].strip() == text]


def _in_mailbox(mailbox: Path, text: str) -> "Message[str, str] | None":
    folder = mailbox / "new"
    for file in sorted(folder.glob("*")) if folder.is_dir() else []:
        octets = file.read_bytes()
        if text.encode() in octets:
            return message_from_bytes(octets)
    return None


def _mailbox_of_application(config: Path) -> Path:
    return config.parent.parent / "gitea"


@contextmanager
def demo_site(folder: Path) -> Iterator[DemoSite]:
    """Start everything, and stop it at the end."""
    port, receiver = _free_port(), DemoReceiver()
    layout = Layout(_FRAGMENTS, ("reply-hook.master.cf",), more_services=_SERVICES.format(port=port))
    postfix = PrivatePostfix(folder / "postfix", _free_port(), layout)
    daemon: subprocess.Popen[bytes] | None = None
    try:
        postfix.prepare(os.getuid(), getgrnam("postfix").gr_gid)
        config = _configure(folder, postfix, receiver)
        log = folder / "milter.log"
        with open(log, "wb") as opened:
            daemon = subprocess.Popen(  # noqa: S603 # this program itself
                [sys.executable, "-m", "reply_milter", "run", "--config", str(config)],
                stderr=opened,
                preexec_fn=die_with_parent(os.getpid()),  # no other thread holds a lock: see prctl(2)
            )
        wait_for((postfix.socket_folder / "lmtp.sock").exists, "the milter", log)
        settings = load(str(config))
        open_registry(settings.config).set_users([UserChange(42, None, (ALICE,))], 0)  # nothing is revoked
        postfix.start()
        yield DemoSite(postfix, settings, config, receiver, port, log)
    except (PostfixError, KeyError) as error:
        raise CommandError(os.EX_UNAVAILABLE, str(error)) from error
    finally:
        postfix.stop()
        if daemon is not None:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
        receiver.close()


def _configure(folder: Path, postfix: PrivatePostfix, receiver: DemoReceiver) -> Path:
    """Configure as ``init`` does, with the demonstration's own paths and ports, sign mode, and the hook."""
    init.write_files(folder / "etc", _DOMAIN, _DOMAIN, str(folder / "state"))
    config = folder / "etc" / "reply-milter.toml"
    with open(os.open(folder / "etc" / _KEY_FILE, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(24))
    text = config.read_text().replace("/var/spool/postfix/reply-milter", str(postfix.socket_folder))
    text = text.replace('"127.0.0.1:9797"', f'"127.0.0.1:{_free_port()}"')
    text = text.replace('mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"')
    hook = f"""\
[sign]
socket = "unix:{postfix.socket_folder}/sign.sock"
[[sign.application]]
name = "shop"
handlers = ["issue"]
networks = ["127.0.0.1"]
secret_file = "{_KEY_FILE}"
[[sign.application]]
name = "gitea"
handlers = ["gitea"]
networks = ["127.0.0.1"]

[delivery]
listen = "unix:{postfix.socket_folder}/lmtp.sock"
[delivery.confirm]
smtp = "inet:{postfix.port}@127.0.0.1"

[metrics]
"""
    text = text.replace("[metrics]\n", hook)
    ours = wrapped.SETTINGS.replace("MAILBOX", str(_mailbox_of_application(config)))
    config.write_text(f'{text}[handler.delivery]\ntype = "webhook"\nurl = "{receiver.url}"\n{ours}')
    return config


def wait_for(ready: Callable[[], bool], what: str, log: Path | None = None) -> None:
    """Poll ``ready``.

    Raises:
        CommandError: it stays false; the message has the end of ``log``.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip()[-500:] if log else ""
            raise CommandError(os.EX_UNAVAILABLE, f"not ready after {_WAIT_SECONDS:.0f} s: {what}. {said}".strip())
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
