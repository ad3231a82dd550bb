"""A mail host on which everything happens that the dashboard shows, and a Prometheus that watches it."""

import json
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from reply_milter.adapters.clients.milter_client import MilterClient
from reply_milter.adapters.redis_store.link.breaker import OPEN_SECONDS
from reply_milter.core.mail.edited import edited
from reply_milter.core.token.mint import MintedAddress
from tests.monitoring.prometheus_under_test import PrometheusUnderTest
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.dovecot import PASSWORD, PrivateDovecot
from tests.support.hosts.mailbox_site import reply as fetched_reply
from tests.support.hosts.site_under_test import DOMAIN, reply
from tests.support.processes.daemon_process import USER, wait_until
from tests.support.wrapped_settings import OPEN as OPEN_LINE
from tests.support.wrapped_settings import gitea
from tests.wire.milter_client import Mta

ALICE = "alice@client.example"
JANE = "jane@example.com"
CONFIRM = '[delivery.confirm]\nsmtp = "inet:SMTP@127.0.0.1"\n'
ORDINARY_SECONDS = 9.0  # of traffic without accidents, so that rates and quantiles have something to show


NATIVE, OPEN = f"incoming+{'B4KJ2ME7QX3N' * 5}@git.example.com", "incoming+new-issue@git.example.com"
LONG = f"incoming+{('B4KJ2ME7QX3N' * 11)[:128]}@git.example.com"  # too long for a capsule
GITEA = gitea('type = "command"\nargv = ["/bin/true"]\n', OPEN_LINE)
# Another application, whose addresses are verified and which never sends through this host.
VERIFIED = """
[[handler]]
id = 21
name = "forge"
context = "wrapped"
[handler.wrap]
application = "forgejo"
address = "incoming+{key}@forge.example.com"
outward = false
native = "verify"
[handler.verify]
type = "forgejo"
source = "file:USERS"
canary_user = 42
[handler.delivery]
type = "command"
argv = ["/bin/true"]
"""
MAILBOX = """
[[imap]]
name = "inbox"
url = "imap://127.0.0.1:PORT"
user = "LOGIN"
password_file = "SECRET"
recipient = "dovecot"
poll_seconds = 1
"""
APPLICATION = '[[sign.application]]\nname = "git"\nnetworks = ["fd00::7/128"]\nhandlers = ["gitea"]\n'


class MonitoredSite:
    """``host``: Postfix, daemon with hook and signing milter, an application; ``prometheus`` scrapes it each second."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="monitored-"))
        self._folder.chmod(0o755)
        self._mailbox = PrivateDovecot(self._folder)
        secret, users = self._folder / "secret", self._folder / "users.jsonl"
        secret.write_text(f"{PASSWORD}\n")
        users.write_text(json.dumps({"id": 42, "secret": "77f3fb1de115523da4d552f6127ed9a2"}) + "\n")
        for path in (secret, users):
            path.chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(path, USER)
        fetched = MAILBOX.replace("PORT", str(self._mailbox.port)).replace("LOGIN", self._mailbox.user)
        fetched = fetched.replace("SECRET", str(secret))
        self.host = DeliverySite(CONFIRM, handlers=GITEA + VERIFIED.replace("USERS", str(users)) + fetched)
        site = self.site = self.host.site
        for old, new in (
            ("SMTP", str(site.mta.port)),
            ('mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"'),
            (
                "[store]",
                f'[sign]\nsocket = "unix:{site.mta.socket_folder}/sign.sock"\n'
                f'trusted = ["127.0.0.1"]\n{APPLICATION}\n[store]',
            ),
            ("forged_per_minute = 60 ", "forged_per_minute = 20 "),
            ("interval_seconds = 60 ", "interval_seconds = 1 "),
            ("timeout_ms = 2000 ", "timeout_ms = 500 "),
        ):
            site.replace_in_settings(old, new)
        self.prometheus = PrometheusUnderTest(site.metrics_port)
        self._numbers = count(1)
        self._idle: smtplib.SMTP | None = None
        self.series_before: set[str] = set()  # the first ordinary day

    def start(self) -> "MonitoredSite":
        """Start everything."""
        self._mailbox.start()
        self.host.start()
        self.prometheus.start()
        wait_until(lambda: bool(self.prometheus.query("up == 1")), 10, "a first scrape")
        return self

    def stop(self) -> None:
        """End everything."""
        if self._idle is not None:
            self._idle.close()
        self.prometheus.stop()
        self.host.stop()
        self._mailbox.stop()
        shutil.rmtree(self._folder)

    def page(self) -> bytes:
        """``/metrics``, as it is."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.site.metrics_port}/metrics", timeout=5) as page:
            found: bytes = page.read()
        return found

    def command(self, *words: str) -> None:
        """Run reply-milter as an operator would."""
        argv = [sys.executable, "-m", "reply_milter", *words, "--config", str(self.site.config)]
        subprocess.run(argv, check=True, capture_output=True, cwd="/")

    def live(self, ordinary_seconds: float = ORDINARY_SECONDS) -> None:
        """Cause a year's events: the faults first, then ordinary days, until Prometheus has scraped them."""
        self._accidents()
        self.series_before = set(self.site.metrics())
        self._idle = self.site.client()
        self._idle.docmd(f"MAIL FROM:<{ALICE}>")
        self._idle.docmd("RCPT TO:<bob@example.com>")  # a connection that stays open, and of which we have heard
        end = time.monotonic() + ordinary_seconds
        while time.monotonic() < end:
            self.ordinary_day()
        time.sleep(2)  # two more scrapes; there is nothing to wait for but the clock of another process

    def ordinary_day(self) -> None:
        """Some of each kind of mail."""
        self._good_mail()
        self._bad_addresses()
        self._bad_messages()
        self._outgoing()
        self._at_the_hook()
        self._wrapped()
        self._mailbox.deliver(fetched_reply(self._mint(), next(self._numbers), author=ALICE))

    def _accidents(self) -> None:
        self.command("keys", "add")
        self.command("keys", "promote", "k2")
        self._observe()
        self._let_nobody_vouch()
        self._reload_badly()
        os.kill(self.site.daemon.workers()[0], signal.SIGKILL)
        self._stop_the_store()

    def _observe(self) -> None:
        """Observe mode for a while; the first of a kind counts only once Prometheus has seen none of it."""
        self.site.configure_text(lambda text: text.replace('mode = "enforce"', 'mode = "observe"'))
        self.site.daemon.reload()
        self._seen('reply_milter_messages_total{verdict=~"would_.+"}')
        self._bad_addresses()
        self._bad_messages()

    def _let_nobody_vouch(self) -> None:
        """Results of DKIM and DMARC are expected for a while, and there are none."""
        without = self.site.config.read_text()
        assert 'authserv_id = ""' in without
        self.site.configure_text(lambda text: text.replace('authserv_id = ""', 'authserv_id = "mx.example.com"'))
        self.site.daemon.reload()
        self._send(self._mint())
        self._seen('reply_milter_messages_total{reason="auth_none"}')
        self.site.configure_text(lambda _: without)
        self.site.daemon.reload()

    def _reload_badly(self) -> None:
        self.site.configure_text(lambda text: text.replace('mode = "observe"', 'mode = "nonsense"'))
        self.site.daemon.send(signal.SIGHUP)
        self._seen("reply_milter_config_last_reload_success == 0")
        self.site.configure_text(lambda text: text.replace('mode = "nonsense"', 'mode = "enforce"'))
        self.site.daemon.reload()

    def _stop_the_store(self) -> None:
        """Stop Redis for longer than its time-out, until all canaries have noticed, too."""
        store = self._child("redis-server")
        os.kill(store, signal.SIGSTOP)
        try:
            assert self._send(self._mint()).startswith("451")
            for name in ("the canary", "the wrapped canary", "the native canary"):
                wait_until(partial(self._logged, f"{name} failed: reason=deferred"), 10, f"{name} fails")
        finally:
            os.kill(store, signal.SIGCONT)
        time.sleep(OPEN_SECONDS + 0.1)  # each process's breaker lets its next operation through

    def _logged(self, text: str) -> bool:
        return text in self.site.daemon.log()

    def _seen(self, expr: str) -> None:
        wait_until(lambda: bool(self.prometheus.query(expr)), 10, f"Prometheus has seen {expr}")

    def _child(self, name: str) -> int:
        """The process id of a child, by the kernel's word."""
        children = Path(f"/proc/{self.site.daemon.pid}/task/{self.site.daemon.pid}/children").read_text().split()
        return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == name)

    def _mint(self, handler: str = "issue", days_ago: float = 0.01, **order: object) -> MintedAddress:
        about: dict[str, object] = {"context": 7} if handler == "forum" else {"locator": f"year/{next(self._numbers)}"}
        return self.site.mint(handler, days_ago, **{"recipient": ALICE, **about, **order})

    def _send(
        self, minted: MintedAddress, *more: str, name: str = "", body: str = "", sender: str = f"<{ALICE}>"
    ) -> str:
        message = reply(minted, name or f"n{next(self._numbers)}", *more, body=body)
        return self.site.send([f"<{minted.address}>"], message, sender)

    def _accepted(self, minted: MintedAddress, name: str = "", body: str = "") -> None:
        answer = self._send(minted, name=name, body=body)
        assert answer.startswith("250"), f"{answer}\n{self.site.told()}"

    def _good_mail(self) -> None:
        """First, duplicate, replayed, and a retry of what the application does not take yet."""
        for days_ago in (0.01, 2, 20):
            self._send(self._mint(days_ago=days_ago))
        self._send(self._mint(recipient=""))  # nothing is known about who may write
        self._send(self._mint("forum"))
        minted = self._mint()
        self._accepted(minted, "same", "the same")
        self.site.settled(minted, 1)
        self._send(minted, name="same", body="the same")
        self._send(minted, name="same", body="something else")
        minted = self._mint()
        with self._answering(503):
            self._accepted(minted, "again", "again")
        self._send(minted, name="again", body="again")
        limited = self._mint("strict")
        for _ in range(3):
            self._send(limited)
        self.site.send(["<bob@example.com>"], b"Subject: ordinary\r\n\r\nHi\r\n")

    def _bad_addresses(self) -> None:
        site = self.site
        good = self._mint().address
        forged = good.replace("reply+0", "reply+1")
        for recipient in (f"reply+junk@{DOMAIN}", forged, forged, forged, self._mint(days_ago=200).address):
            site.send([f"<{recipient}>"], b"")
        site.send([f"<{good}>", f"<{self._mint().address}>"], b"")
        with Mta(site.mta.socket_folder / "verify.sock") as mta:
            mta.connect()
            mta.mail()
            mta.rcpt("<bob@example.org>", resolved=good)

    def _bad_messages(self) -> None:
        self._send(self._mint(), "Auto-Submitted: auto-replied")
        self._send(self._mint(), sender="<>")
        self._send(self._mint(recipient=JANE))  # parked
        self._send(self._mint(), "X-Reply-Verdict: v=1; result=pass")
        stranger = self._mint()
        message = reply(stranger, f"n{next(self._numbers)}").replace(
            stranger.message_id.encode(), b"x@elsewhere.example"
        )
        self.site.send([f"<{stranger.address}>"], message)
        mixed = self._mint()
        self.site.send(
            [f"<{mixed.address}>", "<bob@example.com>"], b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nHi\r\n"
        )

    def _outgoing(self) -> None:
        """Minted, refused, and ignored."""
        wanted = "handler=issue; user=42; locator=a/b"
        for client, field in (("127.0.0.1", wanted), ("127.0.0.1", "handler=nothing"), ("127.0.0.2", wanted)):
            with Mta(self.site.mta.socket_folder / "sign.sock") as mta:
                mta.connect(client)
                mta.mail("<shop@example.com>")
                mta.rcpt(f"<{JANE}>")
                mta.header("X-Reply-Mint", field)
                mta.end_of_message()

    def _wrapped(self) -> None:
        """A notification leaves wrapped, and its answer is restored; and mail to the application's own addresses."""
        minted, capsule = self._leave(NATIVE)
        fields = f"From: {ALICE}\r\nMessage-ID: <w{next(self._numbers)}@client.example>\r\nReferences: <{capsule}>\r\n"
        self.site.send([f"<{minted}>"], f"{fields}\r\nAn answer.\r\n".encode(), f"<{ALICE}>")
        beside, _ = self._leave(LONG)
        for recipients in ([NATIVE], [OPEN], [beside, NATIVE]):
            with Mta(self.site.mta.socket_folder / "verify.sock") as mta:
                mta.connect()
                mta.mail(f"<{ALICE}>")
                for recipient in recipients:
                    mta.rcpt(f"<{recipient}>")
                for name, value in (("From", ALICE), ("Message-ID", f"<d{next(self._numbers)}@client.example>")):
                    mta.header(name, value)
                mta.end_of_message()

    def _leave(self, native: str) -> tuple[str, str]:
        """Have a notification wrapped; the address in it, and the id of its capsule, or empty."""
        path = str(self.site.mta.socket_folder / "sign.sock")
        fields = [
            ("From", "noreply@git.example.com"),
            ("Message-ID", f"<shop/issues/{next(self._numbers)}@git.example.com>"),
            ("Reply-To", native),
        ]
        client = MilterClient(path, "", 0, "fd00::7", 10.0)
        try:
            left = dict(edited(fields, client.message("noreply@git.example.com", ALICE, fields, b"Hi\r\n").edits))
        finally:
            client.close()
        return left["Reply-To"].strip("<>"), left.get("References", "").strip("<>")

    def _at_the_hook(self) -> None:
        """Mail that came past the milter, and an application that refuses."""
        with smtplib.LMTP(str(self.site.mta.socket_folder / "lmtp.sock")) as client:
            client.sendmail("a@b.example", [f"reply+x@{DOMAIN}"], b"Subject: no seal\r\n\r\nHi\r\n")
        with self._answering(422):
            self._accepted(self._mint())

    @contextmanager
    def _answering(self, status: int) -> Iterator[None]:
        """The application answers ``status``, until it has done so."""
        receiver = self.host.receiver
        before = len(receiver.calls)
        receiver.answer = status
        yield
        wait_until(lambda: len(receiver.calls) > before, 10, f"the application answers {status}", self.site.told)
        receiver.answer = 204
