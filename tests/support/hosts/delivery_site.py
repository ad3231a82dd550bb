"""A mail host that delivers accepted replies to the hook, which posts them to an application's endpoint."""

import time
from collections.abc import Callable
from dataclasses import replace

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.receiver import SECRET, Receiver
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import wait_until

HOOKED = Layout(
    main_cf=("reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf"),
    master_cf=("reply-hook.master.cf",),
    # Postfix retries sooner than on a mail host.
    more="minimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\n",
)


class DeliverySite:
    """``site`` with ``[delivery]``; the handler ``issue`` posts to ``receiver``. ``more`` goes into ``[delivery]``."""

    def __init__(self, more: str = "", destination: str = "", layout: Layout = HOOKED, handlers: str = "") -> None:
        self.receiver = Receiver()
        self.second_mx = 0  # port of another smtpd, if a test adds one
        webhook = f'type = "webhook"\nurl = "{self.receiver.url}"\nsecret = "{SECRET}"\ntimeout_seconds = 2'
        self.site = Site(
            {
                r"\[metrics\]": f'[delivery]\nlisten = "LISTEN"\n{more}\n[metrics]',
                r'name = "issue"': f'name = "issue"\n[handler.delivery]\n{destination or webhook}\n[handler.REST]',
            },
            replace(layout),
        )
        self.site.replace_in_settings("LISTEN", f"unix:{self.site.mta.socket_folder}/lmtp.sock")
        self._order_tables(handlers)

    def _order_tables(self, handlers: str) -> None:
        """Put a handler's own keys before its tables, as TOML requires."""
        text = self.site.config.read_text()
        before, _, after = text.partition("\n[handler.delivery]")
        delivery, _, rest = after.partition("\n[handler.REST]")
        keys, bracket, others = rest.partition("\n[[")
        tables = f"{keys}\n[handler.delivery]{delivery}" if bracket else f"{rest}\n[handler.delivery]{delivery}"
        self.site.config.write_text(f"{before}{tables}{bracket}{others}\n{handlers}")

    def start(self) -> "DeliverySite":
        """Start everything."""
        self.site.start()
        return self

    def stop(self) -> None:
        """End everything."""
        self.site.stop()
        self.receiver.close()

    def posted(self, count: int, seconds: float = 30) -> None:
        """Let the MTA retry until so many replies had an effect."""
        self.until(lambda: sum(self.receiver.posts.values()) >= count, seconds, f"{count} posts")

    def delivered(self, seconds: float = 30) -> None:
        """Let the MTA retry until its queue is empty."""
        self.until(lambda: not self.site.mta.queue(), seconds, "an empty queue")

    def until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until ``ready``; meanwhile flush Postfix's deferred queue at intervals."""
        flushed = time.monotonic()

        def tried() -> bool:
            nonlocal flushed
            if ready():
                return True
            if time.monotonic() - flushed > 0.3:
                self.site.postfix.flush()
                flushed = time.monotonic()
            return False

        wait_until(tried, seconds, what, self.site.told)
