"""The whole daemon with a socket in place of systemd's, and a standard error in place of the journal's."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.processes.daemon_process import USER, runtime, wait_until
from tests.wire.manager_under_test import Manager, Told
from tests.wire.milter_alone import DOMAIN, Milter, own_folder
from tests.wire.milter_client import REPLYCODE, Mta

pytestmark = pytest.mark.wire

WATCHDOG_SECONDS = 1.2


def _ready(told: Told) -> bool:
    return told.get("READY") == "1"


def _alive(told: Told) -> bool:
    return told.get("WATCHDOG") == "1"


@pytest.fixture
def milter() -> Iterator[Milter]:
    """A daemon that is not started yet, of the test's own."""
    with own_folder() as folder:
        alone = Milter(folder)
        yield alone
        alone.daemon.stop()


@pytest.fixture
def manager(milter: Milter) -> Iterator[Manager]:
    """It watches the daemon."""
    listening = Manager(str(milter.folder / "notify"))
    milter.daemon.environment = {
        "NOTIFY_SOCKET": listening.address,
        "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
    }
    yield listening
    listening.close()


def _refuses_junk(milter: Milter) -> bool:
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        return mta.rcpt(f"<reply+junk@{DOMAIN}>", f"reply+junk@{DOMAIN}").code == REPLYCODE


@pytest.mark.parametrize("abstract", [False, True])
def test_ready_is_reported_when_mail_is_answered(milter: Milter, abstract: bool) -> None:
    """Socket, workers and store are ready; STATUS has the socket's address. Abstract addresses work, too."""
    manager = Manager(f"@reply-milter-test-{os.getpid()}" if abstract else str(milter.folder / "notify"))
    milter.daemon.environment = {"NOTIFY_SOCKET": manager.address}
    milter.daemon.start()
    told = manager.until(_ready)
    assert _refuses_junk(milter)
    assert told["STATUS"] == f"answering on unix:{milter.socket}"
    store = milter.folder / "state/redis/redis.sock"
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(store))
    milter.daemon.stop()
    while manager.hear(0):
        pass
    assert [key for told in manager.told for key in told if key != "STATUS"] == ["READY", "STOPPING"]
    manager.close()


def test_ready_does_not_wait_for_ever_for_a_store(milter: Milter, manager: Manager) -> None:
    """A Redis that is not there: mail that is no reply must not wait, so it is ready all the same."""
    text = milter.config.read_text()
    milter.config.write_text(text.replace('"embedded"', '"redis://127.0.0.1:9/0"').replace("= 2000 ", "= 50 "))
    milter.daemon.start()
    start = time.monotonic()
    manager.until(_ready)
    assert 3 < time.monotonic() - start < 12
    assert _refuses_junk(milter)
    assert "started without it" in milter.daemon.log()


def test_no_child_can_speak_in_its_name(milter: Milter, manager: Manager) -> None:
    """NOTIFY_SOCKET and its kin are not in the environment of what it starts."""
    (milter.folder / "bin").mkdir()
    wrapper, seen = milter.folder / "bin/redis-server", milter.folder / "state/environment"
    wrapper.write_text(f'#!/bin/sh\nenv > {seen}\nexec /usr/bin/redis-server "$@"\n')
    wrapper.chmod(0o755)
    milter.daemon.environment["PATH"] = f"{wrapper.parent}:/usr/bin:/bin"
    milter.daemon.start()
    manager.until(_ready)
    names = [line.split("=")[0] for line in seen.read_text().splitlines()]
    assert "PATH" in names
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}.intersection(names)


def test_a_reload_is_reported_from_its_beginning_to_its_end(milter: Milter, manager: Manager) -> None:
    """RELOADING=1 with the time that systemd compares, and READY=1 once every worker has settled."""
    milter.daemon.start()
    manager.until(_ready)
    before = time.monotonic()
    milter.daemon.send(signal.SIGHUP)
    reloading = manager.until(lambda told: "RELOADING" in told)
    assert before <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.monotonic()
    told = manager.until(_ready)
    assert "reloaded" in milter.daemon.log()
    assert told["STATUS"] == f"answering on unix:{milter.socket}"
    milter.config.write_text(milter.config.read_text().replace("settle_ms = 200", "settle_ms = -1"))
    milter.daemon.send(signal.SIGHUP)
    manager.until(lambda told: "RELOADING" in told)
    assert "the old settings stay" in manager.until(_ready)["STATUS"]
    assert _refuses_junk(milter)


def test_the_watchdog_is_fed_while_the_workers_are_alive(milter: Milter, manager: Manager) -> None:
    """More often than it asks for; not while a worker hangs; and again when that one was replaced."""
    milter.daemon.start()
    manager.until(_ready)
    last = time.monotonic()
    for _ in range(4):
        manager.until(_alive)
        now = time.monotonic()
        assert now - last < WATCHDOG_SECONDS
        last = now
    (worker,) = milter.daemon.workers()
    os.kill(worker, signal.SIGSTOP)
    manager.silent("WATCHDOG", WATCHDOG_SECONDS)  # one answer may have been on its way
    assert manager.silent("WATCHDOG", 2 * WATCHDOG_SECONDS)
    os.kill(worker, signal.SIGKILL)
    manager.until(_alive)
    assert _refuses_junk(milter)


def test_the_watchdog_is_not_fed_by_a_supervisor_that_hangs(milter: Milter, manager: Manager) -> None:
    """Its loop is what speaks."""
    milter.daemon.start()
    manager.until(_alive)
    milter.daemon.send(signal.SIGSTOP)
    while manager.hear(0):
        pass
    assert manager.silent("WATCHDOG", 2 * WATCHDOG_SECONDS)
    milter.daemon.send(signal.SIGCONT)
    manager.until(_alive)


def test_a_watchdog_for_another_process_is_not_ours(milter: Milter, manager: Manager) -> None:
    """WATCHDOG_PID names whom it is for: a wrapper that started us keeps it."""
    milter.daemon.environment["WATCHDOG_PID"] = "1"
    milter.daemon.start()
    manager.until(_ready)
    assert manager.silent("WATCHDOG", 2 * WATCHDOG_SECONDS)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_journal_gets_priorities_and_no_second_timestamp(milter: Milter, form: str) -> None:
    """Every line with its syslog priority, tracebacks too; time and process id are the journal's to note."""
    milter.config.write_text(milter.config.read_text().replace('format = "text"', f'format = "{form}"'))
    lines = _journal(milter, matching=True)
    assert all(re.match(r"<[2-7]>", line) for line in lines), lines
    assert not any(re.search(r"\d{4}-\d\d-\d\dT", line) for line in lines), lines
    started = next(line for line in lines if "started worker" in line)
    refused = next(line for line in lines if "not reloaded" in line)
    assert (started[:3], refused[:3]) == ("<6>", "<3>")
    decision = next(line for line in lines if "malformed" in line)
    if form == "json":
        assert json.loads(decision[3:])["reason"] == "malformed"
        assert "time" not in json.loads(decision[3:])
    else:
        assert decision.startswith("<6>recipient verdict=reject reason=malformed")


def test_another_standard_error_is_no_journal(milter: Milter) -> None:
    """JOURNAL_STREAM of the shell's parent: the lines go to a pipe and keep their time."""
    lines = _journal(milter, matching=False)
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (info|warning|error) reply-milter\[", line) for line in lines)


def _journal(milter: Milter, matching: bool) -> list[str]:
    """What the daemon writes to a stream while it starts, refuses junk, finds a mistake at a reload, and ends."""
    reading, writing = socket.socketpair()
    found = os.fstat(writing.fileno())
    python, path = runtime()
    account: dict[str, object] = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(
        [python, "-m", "reply_milter", "run", "--config", str(milter.config)], stderr=writing, cwd="/",
        env={"PYTHONPATH": path, "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + (not matching)}",
             "PATH": "/usr/bin:/bin"},
        **account,
    )  # type: ignore[call-overload] # fmt: skip
    writing.close()
    written = bytearray()

    def says(words: bytes) -> bool:
        reading.settimeout(0.05)
        with contextlib.suppress(TimeoutError):
            written.extend(reading.recv(65536))
        return words in written

    try:
        wait_until(lambda: says(b"started worker") and milter.socket.exists(), 20, "it runs")
        assert _refuses_junk(milter)
        milter.config.write_text(milter.config.read_text().replace("settle_ms = 200", "settle_ms = -1"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: says(b"not reloaded"), 5, "the mistake is told")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    wait_until(lambda: says(b"ending"), 5, "the end")
    reading.close()
    return written.decode().splitlines()
