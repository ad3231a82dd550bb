"""docs/reliability.md's figures, from what runs put on record. A program: the results' file, and the page.

Only what stands between the two marks is written anew. A fault without a result is told as not run.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: made by make faults -->\n", "<!-- end of figures -->\n"
# Each fault, by the name under which its test puts it on record: what was done.
ROWS: dict[str, str] = {
    "workers-killed": "kill -9 of a worker every second, through Postfix",
    "reloads": "SIGHUP again and again, through Postfix",
    "restarts": "SIGTERM and a new start again and again, through Postfix",
    "store-killed": "kill -9 of Redis, back a second later, through Postfix",
    "slow-clients": "clients in mid-message, an octet a second each, beside good mail through Postfix",
    "descriptors": "64 descriptors a process, and 200 silent connections for a while",
    "store-stopped": "Redis stopped (SIGSTOP); 2,000 messages were past RCPT when it began",
    "store-50-ms-deadline-200-ms": "Redis 50 ms away, 200 ms of patience",
    "store-200-ms-deadline-200-ms": "Redis 200 ms away, 200 ms of patience",
    "store-1000-ms-deadline-200-ms": "Redis a second away, 200 ms of patience",
    "store-200-ms-deadline-1500-ms": "Redis 200 ms away, 1.5 s of patience",
    "store-1000-ms-deadline-1500-ms": "Redis a second away, 1.5 s of patience",
    "redis-memory-full": "Redis at maxmemory, noeviction",
    "redis-disk-full": "Redis' append-only file can't grow",
    "state-dir-full": "the disk of state_dir full: store, metrics and the hook's record; all workers killed meanwhile",
    "store-emptied": "FLUSHALL, and every captured reply sent again to a host with the hook",
    "store-set-back": "Redis killed, its file cut back by a second, and every captured reply sent again",
    "two-milters": "the same message at two hosts at once",
    **{
        f"milter-clock-{name.replace(' ', '-')}": f"the milter's clock {name}"
        for name in ("4 minutes back", "an hour back", "90 days back", "an hour on", "89 days on", "90 days on", "2038")
    },
    **{
        f"store-clock-{name.replace(' ', '-')}": f"Redis' clock {name}"
        for name in ("an hour back", "90 days back", "an hour on", "90 days on", "2038")
    },
    **{
        f"kill-{who}-{stage}": f"kill -9 of {'all workers' if who == 'workers' else 'the supervisor'} at: {stage}"
        for who in ("workers", "supervisor")
        for stage in ("connected", "MAIL", "RCPT", "DATA", "answering", "answered")
    },
    **{
        f"hook-killed-{point.replace(' ', '-')}": f"kill -9 of the hook {point}"
        for point in ("before open", "before call", "after call", "before commit", "after commit")
    },
    **{
        f"fetcher-killed-{point.replace(' ', '-')}": f"kill -9 of the fetcher {point}"
        for point in ("before fetch", "after fetch", "after judge", "after seal", "before call", "after call")
    },
    **{
        f"fetcher-killed-{point.replace(' ', '-')}": f"kill -9 of the fetcher {point}"
        for point in ("before move", "after move", "after commit", "after close")
    },
    **{
        f"fetcher-cut-{way}{less}": f"the connection to {server} cut {how}"
        for less, server in (("", "the IMAP server"), ("-less", "an IMAP server without MOVE and IDLE"))
        for way, how in (
            ("before", "before it hears each command"),
            ("after", "after it has carried out each command"),
            ("midway", "in the middle of its answer to each command"),
        )
    },
    "fetcher-silent": "the IMAP server silent from each command on, the connection left open",
    "fetcher-far": "the IMAP server 200 ms away, for each packet and either way",
    "fetcher-dripping": "the IMAP server's connection octet by octet",
    "fetcher-noisy": "the IMAP server says 1,000 lines unasked before each answer",
    "fetcher-store": "a fetcher's Redis 200 ms away, then stopped (SIGSTOP)",
    "fetcher-old-messages": "a reply in a mailbox of very many old messages, and one behind them",
    "fetcher-memory": "replies from a mailbox, one after the other: the fetcher's memory",
    **{
        f"later-milter-{way.replace(' ', '-')}": f"a later milter says 451, the client comes again {way}"
        for way in ("at once", "ten minutes later", "from elsewhere", "by another route", "through a second mx")
    },
    "wrapped-workers-killed": "kill -9 of all workers and the hook, while wrapped notifications leave and are answered",
    "wrapped-store-stopped": "Redis stopped (SIGSTOP) for a second again and again, the same traffic",
    "wrapped-store-killed": "kill -9 of Redis, back half a second later, the same traffic",
    "wrapped-reloads": "SIGHUP again and again, the same traffic",
    "wrapped-keys-rotated": "a new key added and promoted again and again, the same traffic",
    **{
        f"wrapped-store-{store}-{natives}": f"a notification with {natives} native addresses, its store {store}"
        for store in ("near", "hanging", "slow")
        for natives in (1, 8)
    },
    "lost-250": "the 250 is lost on the way back, the client sends again",
}


def page(text: str, results: list[dict[str, Any]]) -> str:
    """``text`` with the figures of ``results`` between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_figures(results)}{END}{after}"


def _figures(results: list[dict[str, Any]]) -> str:
    by_fault = {result["fault"]: result for result in results}
    failed = [result["fault"] for result in results if result["failures"]]
    missing = [fault for fault in ROWS if fault not in by_fault]
    lines = [
        "",
        f"{_machine()}. `make faults`, {_days(results)}.",
        "",
        f"{len(results)} of {len(ROWS)} faults run, {sum(result['messages'] for result in results):,} messages, "
        f"{sum(result['tries'] for result in results):,} counted tries: "
        f"{sum(result['lost'] for result in results)} lost, {sum(result['doubled'] for result in results)} doubled, "
        f"{sum(result['untagged'] for result in results)} untagged.",
        "",
        f"Failed: {', '.join(failed) or 'none'}. Not run: {', '.join(missing) or 'none'}.",
        "",
        "| fault | messages | tries | 4xx | dropped | lost | doubled | untagged | p50 ms | p99 ms | slowest ms | s | |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
        *(_row(what, by_fault[fault]) for fault, what in ROWS.items() if fault in by_fault),
        "",
    ]
    return "\n".join(lines) + "\n"


def _row(what: str, result: dict[str, Any]) -> str:
    timed = result["p50_ms"] or result["p99_ms"]
    times = [f"{result[name]:.0f}" if timed else "" for name in ("p50_ms", "p99_ms", "slowest_ms")]
    counted = ("messages", "tries", "deferred", "dropped", "lost", "doubled", "untagged")
    counts = [f"{result[name]:,}" for name in counted]
    if not result["tries"]:  # one fault a message, and its client's tries were not counted
        counts[1:4] = ["", "", ""]
    more = "; ".join(f"{name}: {value}" for name, value in result["figures"].items())
    short = "" if result["long"] else "**short form** "
    failed = "".join(f"**failed: {failure}** " for failure in result["failures"])
    return f"| {what} | {' | '.join(counts)} | {' | '.join(times)} | {result['seconds']:.0f} | {short}{failed}{more} |"


def _machine() -> str:
    models = re.findall(r"(?m)^model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    postfix = _said("postconf", "-d", "-h", "mail_version")
    redis = re.findall(r"v=(\S+)", _said("redis-server", "--version"))
    return (
        f"{os.cpu_count()} CPUs ({models[0] if models else platform.machine()}), {memory:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, pymilter {version('pymilter')}, "
        f"Postfix {postfix}, Redis {redis[0] if redis else 'unknown'}"
    )


def _said(program: str, *arguments: str) -> str:
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        return "unknown"
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False).stdout.strip()


def _days(results: list[dict[str, Any]]) -> str:
    days = sorted({time.strftime("%Y-%m-%d", time.gmtime(result["at"])) for result in results})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"


def main() -> None:
    """Read and write."""
    results, target = Path(sys.argv[1]), Path(sys.argv[2])
    lines = results.read_text().splitlines() if results.exists() else []
    target.write_text(page(target.read_text(), [json.loads(line) for line in lines]))


if __name__ == "__main__":
    main()
