"""Postfix with our milter, with one in C that says yes, and without: one Postfix, an smtpd for each, and smtp-source.

Postfix's discard(8) drops all accepted mail, so smtpd, cleanup, queue and milter are measured. The milter in C
negotiates the same steps as ours: it shows what any milter costs Postfix.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from grp import getgrnam
from pathlib import Path

from benchmarks.filters import Bench, Filter
from benchmarks.negotiated import port_of
from benchmarks.plan import FULL_DOORS
from benchmarks.processes import BenchmarkError, cpu_seconds, cpu_seconds_below, free_port, wait_until
from reply_milter.cli.demo.private_postfix import Layout, PrivatePostfix
from reply_milter.config.verify import Engine

_OCTETS = 2000
_MAIN_CF = """
virtual_transport = discard:
default_process_limit = 100
smtpd_client_connection_count_limit = 0
# Else cleanup waits for a second where mail arrives faster than discard(8) takes it, and a round measures that.
in_flow_delay = 0
# smtp-source ends each session after one message, as most clients do.
"""
_SMTPD = """
127.0.0.1:{port} inet n - y - - smtpd
  -o syslog_name=postfix/other
  -o smtpd_milters={milter}
"""


@dataclass(frozen=True, slots=True)
class PostfixUnderTest:
    """A Postfix that runs, and the ports of its smtpds by the milter behind, as in ``plan.DOORS``."""

    postfix: PrivatePostfix
    ports: Mapping[str, int]
    milters: Mapping[str, Filter]

    def take(self, milter: str, sessions: int, messages: int) -> tuple[float, float]:
        """Return messages per second through one smtpd, and microseconds of CPU a message, of Postfix and the milter.

        Waits until the queue is empty before and after.
        """
        port = self.ports[milter]
        self._wait_for_empty_queue()
        before = self._cpu_seconds(milter)
        command = ["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(_OCTETS)]
        addresses = ["-f", "alice@client.example", "-t", "bob@example.com"]
        started = time.monotonic()
        done = subprocess.run([*command, *addresses, f"127.0.0.1:{port}"], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            raise BenchmarkError(f"smtp-source: {done.stderr.strip()}")
        self._wait_for_empty_queue()
        return messages / seconds, (self._cpu_seconds(milter) - before) / messages * 1e6

    def _cpu_seconds(self, milter: str) -> float:
        own = self.milters[milter].pids() if milter in self.milters else []
        (master,) = (int(word) for word in (self.postfix.folder / "spool/pid/master.pid").read_text().split())
        return cpu_seconds(own) + cpu_seconds_below(master)

    def _wait_for_empty_queue(self) -> None:
        wait_until(lambda: not self.postfix.queue(), "Postfix's queue is empty")


@contextmanager
def running(bench: Bench, workers: int, doors: Sequence[str] = FULL_DOORS) -> Iterator[PostfixUnderTest]:
    """Start Postfix and milters for it, with an smtpd for each of ``doors``; end Postfix."""
    folder = bench.folder / "postfix"
    sockets = folder / "spool/reply-milter"
    port = free_port()
    owners = os.getuid(), getgrnam("postfix").gr_gid
    PrivatePostfix(folder, port).prepare(*owners)  # the folder of sockets has to be there before the milters
    milters = dict(_milters(bench, workers, sockets))
    ports = {name: free_port() for name in doors}
    services = "".join(
        _SMTPD.format(port=ports[name], milter=_named(milters[name].socket) if name in milters else "")
        for name in doors
    )
    layout = Layout(main_cf=("reply-domain.main.cf",), master_cf=(), more=_MAIN_CF, more_services=services)
    postfix = PrivatePostfix(folder, port, layout)
    postfix.prepare(*owners)
    try:
        postfix.start()
        yield PostfixUnderTest(postfix, ports, milters)
    finally:
        postfix.stop()


def _milters(bench: Bench, workers: int, sockets: Path) -> Iterator[tuple[str, Filter]]:
    kinds = {f"{tcp}{early}".strip(): (bool(tcp), bool(early)) for tcp in ("", " tcp") for early in ("", " early")}
    ours = {
        kind: bench.ours(workers, None if tcp else sockets / f"{kind or 'plain'}.sock", tcp=tcp, early=early).filter
        for kind, (tcp, early) in kinds.items()
    }
    for kind, (tcp, early) in kinds.items():
        null = bench.null(ours[kind], early, None if tcp else sockets / f"null-{kind or 'plain'}.sock")
        yield f"ours {kind}".strip(), ours[kind]
        yield f"null {kind}".strip(), null.ready()
    loop = bench.ours(workers, sockets / "loop-early.sock", early=True, engine=Engine.LOOP)
    yield "ours loop early", loop.ready().filter
    if bench.compiled:
        place = sockets / "loop-compiled-early.sock"
        compiled = bench.ours(workers, place, early=True, engine=Engine.LOOP, compiled=True)
        yield "ours loop compiled early", compiled.ready().filter
    yield "ours loop tcp early", bench.ours(workers, tcp=True, early=True, engine=Engine.LOOP).ready().filter


def _named(socket: str) -> str:
    """As Postfix names it: from inside its chroot."""
    port = port_of(socket)
    return f"unix:reply-milter/{Path(socket).name}" if port is None else f"inet:127.0.0.1:{port}"
