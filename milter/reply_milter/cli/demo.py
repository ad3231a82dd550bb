"""``demo``: a private Postfix with the milter on loopback, one message of each kind through real SMTP, and a table."""

import argparse
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from grp import getgrnam
from pathlib import Path

from reply_milter.adapters.postfix import PostfixError, PrivatePostfix
from reply_milter.adapters.wall_clock import WallClock
from reply_milter.app import load
from reply_milter.cli import init
from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command
from reply_milter.core.fingerprint import BodyDigest
from reply_milter.core.headers import VERDICT
from reply_milter.core.message_file import split
from reply_milter.core.mint import Minted, Order, mint
from reply_milter.core.verdict_header import SealProblem, unseal
from reply_milter.settings import Settings

_DOMAIN = "reply.example.com"
_ALICE = "alice@client.example"
_WAIT_SECONDS = 10.0
_SETTLED_SECONDS = 0.6  # settle_ms and then some: by now an accepted reply is committed


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "demo", _run, "show what it does, with a private Postfix on loopback")
    parser.add_argument("--keep", action="store_true", help="leave it running afterwards, to try things by hand")


def _run(options: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise CommandError(os.EX_NOPERM, "demo starts a Postfix of its own, which takes root: run it as root")
    for number in (signal.SIGINT, signal.SIGTERM):  # however it is ended, it leaves nothing running
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="reply-milter-demo-"))
    folder.chmod(0o755)  # Postfix's daemons are not root
    try:
        with _site(folder) as site:
            print("A private Postfix with reply-milter is up on loopback. Sending:\n")
            _show(site)
            if options.keep:
                _keep(site)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return os.EX_OK


@dataclass(frozen=True, slots=True)
class _Site:
    """What is running, and where it takes mail."""

    postfix: PrivatePostfix
    settings: Settings
    config: Path

    def mint(self, user: int, locator: str, days_ago: int = 0) -> Minted:
        """An address for ``user``, sent to Alice."""
        now = WallClock().now() - 86400 * days_ago
        order = Order(user, now, locator=locator, recipient=_ALICE, unique="demo")
        handler = self.settings.config.handlers.by_id[1]
        return mint(order, handler, self.settings.keyring, self.settings.config.form)


@dataclass(frozen=True, slots=True)
class _Letter:
    """One message to send, and what it shows."""

    shows: str
    to: str
    answers: str
    text: str
    message_id: str
    more: str = ""


@contextmanager
def _site(folder: Path) -> Iterator[_Site]:
    """Start everything; end everything."""
    postfix = PrivatePostfix(folder / "postfix", _free_port())
    daemon: subprocess.Popen[bytes] | None = None
    try:
        postfix.prepare(os.getuid(), getgrnam("postfix").gr_gid)
        config = _configure(folder, postfix)
        with open(folder / "milter.log", "wb") as log:
            daemon = subprocess.Popen(  # noqa: S603 # this very program
                [sys.executable, "-m", "reply_milter", "run", "--config", str(config)], stderr=log
            )
        _wait_for(lambda: (postfix.socket_folder / "verify.sock").exists(), "the milter", folder / "milter.log")
        postfix.start()
        yield _Site(postfix, load(str(config)), config)
    except (PostfixError, KeyError) as error:
        raise CommandError(os.EX_UNAVAILABLE, str(error)) from error
    finally:
        postfix.stop()
        if daemon is not None:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()


def _configure(folder: Path, postfix: PrivatePostfix) -> Path:
    """What ``init`` writes, with places of the demonstration's own."""
    init.write_files(folder / "etc", _DOMAIN, _DOMAIN, str(folder / "state"))
    config = folder / "etc" / "reply-milter.toml"
    text = config.read_text().replace("/var/spool/postfix/reply-milter", str(postfix.socket_folder))
    config.write_text(text.replace('"127.0.0.1:9797"', f'"127.0.0.1:{_free_port()}"'))
    return config


def _letters(site: _Site) -> list[_Letter]:
    ours = site.mint(42, "shop/orders/issue/2351")
    theirs = site.mint(42, "shop/orders/issue/77")
    old = site.mint(42, "shop/orders/issue/12", days_ago=91)
    local, at = ours.address.split("@")
    last = "a" if local[-1] != "a" else "b"
    other_user = local.replace("000000002a", "000000002b")
    genuine = _Letter("a genuine reply", ours.address, ours.message_id, "I agree.", "<1@client.example>")
    forged_verdict = "X-Reply-Verdict: v=1; result=pass; user=1; seal=aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
    return [
        genuine,
        _Letter("a checksum made up", f"{local[:-1]}{last}@{at}", ours.message_id, "Hi", "<2@client.example>"),
        _Letter("another user's id", f"{other_user}@{at}", ours.message_id, "Hi", "<3@client.example>"),
        _Letter("another thread answered", ours.address, theirs.message_id, "Hi", "<4@client.example>"),
        _Letter("an expired address", old.address, old.message_id, "Sorry, late", "<5@client.example>"),
        _Letter("the first message again", genuine.to, genuine.answers, genuine.text, genuine.message_id),
        _Letter("a second reply, same address", ours.address, ours.message_id, "One more.", "<6@client.example>"),
        _Letter("with a forged verdict", ours.address, ours.message_id, "Me too", "<7@client.example>", forged_verdict),
        _Letter("an out-of-office notice", ours.address, ours.message_id, "Away", "<8@client.example>",
                "Auto-Submitted: auto-replied\r\n"),
        _Letter("ordinary mail", "bob@example.com", "", "Lunch?", "<9@client.example>"),
    ]  # fmt: skip


def _show(site: _Site) -> None:
    row = "{:<29} {:<62} {}"
    print(row.format("WHAT WAS SENT", "WHAT THE CLIENT HEARD", "WHAT ARRIVED"))
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    for letter in _letters(site):
        heard = _send(site.postfix.port, letter, date)
        print(row.format(letter.shows, _short(heard, 62), _arrived(site, letter.text, heard.startswith("250"))))
        time.sleep(_SETTLED_SECONDS)
    print("\nOnly what bears our seal is a reply: `reply-milter verify-header` opens it and tells whose.")


def _send(port: int, letter: _Letter, date: str) -> str:
    """The last answer of the server, as the client hears it."""
    answers = f"In-Reply-To: <{letter.answers}>\r\n" if letter.answers else ""
    head = f"{letter.more}From: Alice <{_ALICE}>\r\nTo: <{letter.to}>\r\nSubject: Re: news\r\nDate: {date}\r\n"
    message = f"{head}Message-ID: {letter.message_id}\r\n{answers}\r\n{letter.text}\r\n"
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo("client.example")
        client.mail(_ALICE)
        code, text = client.rcpt(letter.to)
        if code == 250:
            code, text = client.data(message.encode())
    return f"{code} {text.decode(errors='replace')}"


def _short(answer: str, width: int) -> str:
    """An answer without the recipient that Postfix repeats and the queue id, which say nothing here."""
    text = answer.replace("\n", " ")
    text = text.split(" queued as ")[0].rstrip(":")
    return text if len(text) <= width else text[: width - 3] + "..."


def _arrived(site: _Site, text: str, accepted: bool) -> str:
    """What lies in a mailbox with this text, and what its seal says."""
    deadline = time.monotonic() + (_WAIT_SECONDS if accepted and text != "Away" else 0)
    while True:
        for folder in (site.postfix.replies, site.postfix.people):
            for file in sorted((folder / "new").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True):
                fields, body = split(file.read_bytes())
                if body.decode().strip() == text:
                    return _describe(site, fields, body) if accepted else "nothing more"
        if time.monotonic() >= deadline:
            return "nothing"
        time.sleep(0.05)


def _describe(site: _Site, fields: list[tuple[str, str]], body: bytes) -> str:
    values = [value for name, value in fields if name.lower() == VERDICT.lower()]
    if not values:
        return "as it was sent"
    tags = unseal(values, site.settings.seal_keys)
    digest = BodyDigest()
    digest.feed(body)
    if isinstance(tags, SealProblem) or tags["body"] != digest.text():
        return "with a seal that does not hold"
    return f"sealed: user {tags['user']}, {tags['locator']}, sender {tags['sender']}"


def _keep(site: _Site) -> None:
    minted = site.mint(42, "shop/orders/issue/2351")
    print(f"\nStill running. Try:\n\n  swaks --server 127.0.0.1:{site.postfix.port} --from {_ALICE} \\")
    print(f"    --to {minted.address} \\\n    --h-From '<{_ALICE}>' --h-In-Reply-To '<{minted.message_id}>'")
    print(f"\n  reply-milter explain --config {site.config} {minted.address}")
    print(f"\nReplies arrive in {site.postfix.replies}/new. Ctrl-C ends it.", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def _wait_for(ready: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip()[-500:]
            raise CommandError(os.EX_UNAVAILABLE, f"{what} did not start: {said}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
