"""A daemon on a state folder that it may not use, as a purge, a backup or root leaves it: one line, status 78."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import USER, runtime, wait_until

pytestmark = [pytest.mark.system, pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")]


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """One that has run with a hook, and is down."""
    running = DeliverySite().start()
    state = Path(running.site.settings.config.state_dir)
    try:
        wait_until((state / "store-marks.json").exists, 10, "it has marked its store")
        wait_until((state / "delivery/deliveries.sqlite").exists, 10, "the hook has its record")
        running.site.daemon.stop()
        yield running
    finally:
        running.stop()


def _refused(site: Site) -> str:
    """What it says on standard error; it ends at once, with EX_CONFIG, which no service manager repeats."""
    python, path = runtime()
    words = [python, "-m", "reply_milter", "run", "--config", str(site.config)]
    account = {"user": USER, "group": site.config.stat().st_gid, "extra_groups": []}
    start = time.monotonic()
    done = subprocess.run(
        words, capture_output=True, text=True, cwd="/", env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        timeout=60, **account,
    )  # type: ignore[call-overload] # fmt: skip
    assert done.returncode == os.EX_CONFIG, done.stderr
    assert time.monotonic() - start < 30
    errors: list[str] = [line for line in done.stderr.splitlines() if line.startswith("reply-milter: ")]
    assert len(errors) == 1 and "Traceback" not in done.stderr, done.stderr
    return errors[0]


@pytest.mark.parametrize("name", ["store-marks.json", "delivery", "delivery/deliveries.sqlite", "redis", "lock"])
def test_a_file_of_root_is_named_with_the_line_that_gives_it_back(host: DeliverySite, name: str) -> None:
    """Neither a first start, which would forget what is revoked, nor a hook that dies again and again."""
    state = host.site.settings.config.state_dir
    os.chown(f"{state}/{name}", 0, 0)
    told = _refused(host.site)
    line = f"chown -R {USER}: {state}"
    assert told == f"reply-milter: state_dir: the user {USER} may not use {state}/{name} (owner root): {line}"
    subprocess.run(["sh", "-euc", line], check=True)
    host.site.daemon.start()
    host.site.daemon.stop()


def test_the_folder_itself(host: DeliverySite) -> None:
    """Its name is enough, whatever is in it."""
    state = host.site.settings.config.state_dir
    os.chown(state, 0, 0)
    try:
        assert f"may not use {state} (owner root)" in _refused(host.site)
    finally:
        os.chown(state, Path(state, "redis").stat().st_uid, -1)


def _other_layout(record: Path) -> None:
    subprocess.run(["python3", "-c", _LATER, record], check=True)


_LATER = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')"


@pytest.mark.parametrize(
    "damage,why",
    [
        (lambda record: record.write_text("no database\n" * 100), "stop the daemon and move the file away"),
        (_other_layout, "a later version wrote it"),
    ],
)
def test_a_record_of_deliveries_that_is_no_use(host: DeliverySite, damage: Callable[[Path], None], why: str) -> None:
    """Every retry would fail."""
    record = Path(host.site.settings.config.state_dir, "delivery/deliveries.sqlite")
    whole = record.read_bytes()
    damage(record)
    try:
        told = _refused(host.site)
        assert str(record) in told and why in told
    finally:
        for name in ("", "-wal", "-shm"):
            Path(f"{record}{name}").unlink(missing_ok=True)
        record.write_bytes(whole)
        os.chown(record, record.parent.stat().st_uid, -1)


def test_a_record_that_goes_away_while_it_runs_is_a_line_for_each_try(host: DeliverySite) -> None:
    """The hook's process can't start again; mail waits in the MTA's queue, and replies are verified as before."""
    site, state = host.site, Path(host.site.settings.config.state_dir)
    site.daemon.start()
    wait_until(lambda: _greets(site), 20, "the hook runs")
    os.chown(state / "delivery", 0, 0)
    try:
        (hook,) = [line for line in site.daemon.log().splitlines() if "started worker delivery0" in line][-1:]
        os.kill(int(hook.rpartition(" ")[2]), 9)
        wait_until(lambda: "accepted replies stay in the MTA's queue" in site.daemon.log(), 10, "it says so")
        assert "Traceback" not in site.daemon.log()
        assert site.send(["<reply+x@reply.example.com>"], b"").startswith("550 5.7.1")
    finally:
        os.chown(state / "delivery", state.stat().st_uid, -1)
    wait_until(lambda: _greets(site), 20, "the hook is back")


def _greets(site: Site) -> bool:
    """Whether the hook's process answers; the socket itself is the supervisor's, and always there."""
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(1)
        try:
            client.connect(f"{site.mta.socket_folder}/lmtp.sock")
            return client.recv(3) == b"220"
        except OSError:
            return False
