"""Measure how fast replies are fetched: a private Dovecot, a webhook on loopback, the daemon. See ``make fetch-speed``.

Prints replies a second, from the first one that the application gets to the last one that leaves the mailbox, and the
CPU time of each program. The application is this process.
"""

import argparse
import os
import time
from pathlib import Path

from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site
from tests.support.processes.daemon_process import wait_until

_TICK = os.sysconf("SC_CLK_TCK")
_WAIT_SECONDS = 600.0
_CHILDREN = {"Dovecot": ("imap", "imap-login"), "Redis": ("redis-server",)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="fetch-speed", description=__doc__)
    parser.add_argument("--replies", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for _ in range(options.rounds):
        with mailbox_site() as site:
            _measure(site, options.replies)


def _measure(site: MailboxSite, count: int) -> None:
    site.receiver.keeps_bodies = False
    site.receiver.checks_signatures = False
    for number in range(count):
        site.deliver(number)
    site.start()
    parents = {site.fetcher(): "fetcher", site.server.pid: "Dovecot", site.daemon.pid: "Redis"}
    wait_until(lambda: bool(site.receiver.posts), _WAIT_SECONDS, f"the first post: {site.daemon.log()[-2000:]}")
    began, before, posted = time.monotonic(), _used(parents), len(site.receiver.posts)
    site.until(posts=count, seconds=_WAIT_SECONDS)
    seconds = time.monotonic() - began
    after, done = _used(parents), count - posted
    parts = ", ".join(f"{name} {1000 * (after[name] - before[name]) / done:.2f} ms" for name in after)
    load = os.getloadavg()[0]
    print(f"{done / seconds:.0f} replies a second ({done} in {seconds:.1f} s, load {load:.1f}); CPU a reply: {parts}")


def _used(pids: dict[int, str]) -> dict[str, float]:
    """CPU seconds so far, by program: of the fetcher, and of the children of Dovecot and of the daemon."""
    found = dict.fromkeys(pids.values(), 0.0)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        ticks = rest.split()
        program = pids.get(int(path.parent.name)) if path.parent.name in map(str, pids) else pids.get(int(ticks[1]))
        if program == "fetcher" or name in _CHILDREN.get(program or "", ()):
            found[program or ""] += (int(ticks[11]) + int(ticks[12])) / _TICK
    return {**found, "application": time.process_time()}


if __name__ == "__main__":
    main()
