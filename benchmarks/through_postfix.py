"""Postfix with our milter, with one in C that accepts everything, and without: three smtpds, driven by smtp-source.

Postfix's discard(8) drops all accepted mail, so smtpd, cleanup, queue and milter are measured. The milter in C
negotiates the same steps as ours: it shows what any milter costs Postfix.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from grp import getgrnam

from benchmarks.filters import OURS_STEPS, Bench
from benchmarks.processes import BenchmarkError, free_port, wait_until
from reply_milter.cli.demo.private_postfix import Layout, PrivatePostfix

_OCTETS = 2000
_MAIN_CF = """
virtual_transport = discard:
default_process_limit = 100
smtpd_client_connection_count_limit = 0
# smtp-source ends each session after one message, as most clients do.
"""
_SMTPD = """
127.0.0.1:{port} inet n - y - - smtpd
  -o syslog_name=postfix/other
  -o smtpd_milters={milter}
"""


@dataclass(frozen=True, slots=True)
class PostfixUnderTest:
    """A running Postfix, and the ports of its smtpds by their milter: ours, null, none."""

    postfix: PrivatePostfix
    ports: Mapping[str, int]

    def take(self, milter: str, sessions: int, messages: int) -> float:
        """Return messages per second through one smtpd. Waits until the queue is empty before and after."""
        port = self.ports[milter]
        self._wait_for_empty_queue()
        command = ["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(_OCTETS)]
        addresses = ["-f", "alice@client.example", "-t", "bob@example.com"]
        started = time.monotonic()
        done = subprocess.run([*command, *addresses, f"127.0.0.1:{port}"], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            raise BenchmarkError(f"smtp-source: {done.stderr.strip()}")
        self._wait_for_empty_queue()
        return messages / seconds

    def _wait_for_empty_queue(self) -> None:
        wait_until(lambda: not self.postfix.queue(), "Postfix's queue is empty")


@contextmanager
def running(bench: Bench, workers: int) -> Iterator[PostfixUnderTest]:
    """Start Postfix and a milter for it; end Postfix."""
    ports = {"ours": free_port(), "null": free_port(), "none": free_port()}
    services = _SMTPD.format(port=ports["none"], milter="")
    services += _SMTPD.format(port=ports["null"], milter="unix:reply-milter/null.sock")
    layout = Layout(more=_MAIN_CF, more_services=services)
    postfix = PrivatePostfix(bench.folder / "postfix", ports["ours"], layout)
    postfix.prepare(os.getuid(), getgrnam("postfix").gr_gid)
    bench.ours(workers, postfix.socket_folder / "verify.sock")
    bench.null(OURS_STEPS, postfix.socket_folder / "null.sock")
    try:
        postfix.start()
        yield PostfixUnderTest(postfix, ports)
    finally:
        postfix.stop()
