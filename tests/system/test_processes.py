"""The process tree: shutdown, a killed supervisor, a killed worker, a second instance, reload, metrics."""

import contextlib
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.lock import Patience, lock
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import DaemonProcess, runtime, wait_until

pytestmark = pytest.mark.system


def _tree(pid: int) -> list[int]:
    """A process and everything below it."""
    with contextlib.suppress(FileNotFoundError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(below for child in children for below in _tree(int(child)))]
    return []


def _alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie that waits for its reaper doesn't."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    return [pid for pid in pids if runs(pid)]


def test_sigterm_ends_everything_within_two_seconds(fresh: Site) -> None:
    """Workers, store and metrics server are gone, and so is the socket; also with connections open."""
    tree = _tree(fresh.daemon.pid)
    assert len(tree) == 5, "supervisor, store, two workers, metrics"
    with fresh.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        seconds = fresh.daemon.stop()
        assert seconds < 2, seconds
        assert not _alive(tree)
        assert not fresh.daemon.socket or not fresh.daemon.socket.exists()
        assert client.docmd("RCPT TO:<bob@example.com>")[0] == 451


def test_a_killed_supervisor_leaves_nothing_behind(fresh: Site) -> None:
    """kill -9: the kernel ends the children, and the next start finds lock and socket free."""
    tree = _tree(fresh.daemon.pid)
    fresh.daemon.kill()
    wait_until(lambda: not _alive(tree), 2, "no process is left")
    fresh.daemon.log_path.unlink()
    fresh.daemon.start()
    assert fresh.send(["<reply+x@reply.example.com>"], b"").startswith("550 5.7.1")


def test_a_second_instance_is_refused(fresh: Site) -> None:
    """state_dir is locked: one line, EX_UNAVAILABLE, and the first goes on."""
    python, path = runtime()
    done = subprocess.run(
        [python, "-m", "reply_milter", "run", "--config", str(fresh.config)],
        capture_output=True, env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"}, cwd="/", timeout=30,
    )  # fmt: skip
    assert done.returncode == os.EX_UNAVAILABLE
    assert b"in use by another instance" in done.stderr
    assert b"Traceback" not in done.stderr
    assert fresh.send(["<reply+x@reply.example.com>"], b"").startswith("550 5.7.1")


def test_the_lock_tells_whom_to_signal(fresh: Site) -> None:
    """The daemon's process id, while it runs; its store holds the lock, too."""
    lock_file = fresh.folder / "state" / "lock"
    assert int(lock_file.read_text()) == fresh.daemon.pid
    (store,) = [pid for pid in _tree(fresh.daemon.pid) if "redis-server" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert str(lock_file) in [os.readlink(path) for path in Path(f"/proc/{store}/fd").iterdir()]
    fresh.daemon.stop()
    assert lock_file.read_text() == ""


@contextlib.contextmanager
def _as_a_command(site: Site) -> Iterator[None]:
    """Work on the store of a daemon that is down, as a command would."""
    held = lock(site.folder / "state", Patience(0, 0), is_command=True)
    try:
        yield
    finally:
        os.close(held)


def _start_in_the_background(site: Site) -> threading.Thread:
    """A daemon that has to wait, until it does."""
    site.daemon.log_path.unlink()
    starting = threading.Thread(target=site.daemon.start)
    starting.start()
    waiting = f"waiting for a command (process {os.getpid()}) to release state_dir"
    wait_until(lambda: waiting in site.daemon.log(), 10, "the daemon waits")
    return starting


def test_the_daemon_waits_for_a_command(fresh: Site) -> None:
    """A long import while it was down: it says whom it waits for, and starts when that has ended."""
    fresh.daemon.stop()
    with _as_a_command(fresh):
        starting = _start_in_the_background(fresh)
    starting.join()
    assert fresh.send(["<reply+x@reply.example.com>"], b"").startswith("550 5.7.1")


def test_a_hangup_during_start_is_kept_for_later(fresh: Site) -> None:
    """Not deadly, and not lost: what was changed meanwhile is in force at the end."""
    fresh.daemon.stop()
    old = fresh.mint(locator="early/1", days_ago=2)
    with _as_a_command(fresh):
        starting = _start_in_the_background(fresh)
        fresh.configure({"validity_days = 90": "validity_days = 1"})
        fresh.daemon.send(signal.SIGHUP)
    starting.join()
    wait_until(lambda: fresh.daemon.log().count("reloaded") == 3, 5, "both workers and the metrics page reloaded")
    assert "expired" in fresh.send([f"<{old.address}>"], b"")


def test_a_worker_that_takes_no_orders_is_replaced(fresh: Site) -> None:
    """Stopped through hundreds of reloads: it is not left with old rules when it goes on."""
    stopped = fresh.daemon.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    deadline = time.monotonic() + 30
    while f"process {stopped}, does not accept the new settings" not in fresh.daemon.log():
        assert time.monotonic() < deadline
        fresh.daemon.send(signal.SIGHUP)
        time.sleep(0.005)
    wait_until(lambda: stopped not in fresh.daemon.workers() and len(fresh.daemon.workers()) == 2, 5, "a new worker")
    wait_until(lambda: _is_quiet(fresh), 10, "the other has done all that it was told")
    fresh.configure({'mode = "enforce"': 'mode = "observe"'})
    fresh.daemon.reload()
    heard = {fresh.send(["<reply+x@reply.example.com>"], b"From: a@b\r\n\r\nx\r\n")[:3] for _ in range(10)}
    assert heard == {"250"}


def _is_quiet(site: Site) -> bool:
    before = site.daemon.log()
    time.sleep(0.2)
    return site.daemon.log() == before


def test_a_configuration_that_is_a_pipe_blocks_nobody(fresh: Site) -> None:
    """Reload says so, and the supervisor still restarts workers and ends in time."""
    fresh.config.unlink()
    os.mkfifo(fresh.config, 0o666)
    fresh.daemon.send(signal.SIGHUP)
    wait_until(lambda: "is not a file" in fresh.daemon.log(), 5, "the mistake is told")
    assert fresh.daemon.stop() < 2


def test_every_child_is_restarted(fresh: Site) -> None:
    """Store, workers and metrics server come back after kill -9, and a reply is taken again."""
    for pid in _tree(fresh.daemon.pid)[1:]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(_alive(_tree(fresh.daemon.pid))) == 5, 10, "all children are back")
    minted = fresh.mint(locator="restart/1")
    message = f"From: a@b.example\r\nMessage-ID: <1@b>\r\nIn-Reply-To: <{minted.message_id}>\r\n\r\nHi\r\n".encode()

    def taken() -> bool:
        return fresh.send([f"<{minted.address}>"], message).startswith("250")

    wait_until(taken, 10, "a reply is taken")


def test_a_storm_of_signals_harms_nobody(fresh: Site) -> None:
    """HUP, TERM and INT to workers and children directly: only the supervisor takes orders."""
    workers = fresh.daemon.workers()
    assert len(workers) == 2
    for _ in range(20):
        for pid in workers:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
                os.kill(pid, number)
    assert fresh.send(["<reply+x@reply.example.com>"], b"").startswith("550 5.7.1")
    assert fresh.daemon.workers() == workers


def test_a_worker_that_keeps_dying_is_restarted_ever_later(fresh: Site) -> None:
    """Back-off: not a busy loop of forks."""
    start, before = time.monotonic(), fresh.daemon.log().count("started worker")
    while time.monotonic() - start < 2:
        fresh.daemon.kill_workers()
        time.sleep(0.005)
    starts = fresh.daemon.log().count("started worker") - before
    assert 4 <= starts <= 20, starts


def test_a_reload_takes_new_rules_and_keeps_the_old_on_a_bad_file(fresh: Site) -> None:
    """SIGHUP: a new handler works at once; a broken file changes nothing and is logged."""
    fresh.configure({"validity_days = 90": "validity_days = 1"})
    fresh.daemon.reload()
    old = fresh.mint(locator="reload/1", days_ago=2)
    assert "expired" in fresh.send([f"<{old.address}>"], b"")
    fresh.configure({"validity_days = 90": "validity_days = 0"})
    fresh.daemon.send(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in fresh.daemon.log(), 5, "the bad file is told")
    assert "handler[1].validity_days: must be between" in fresh.daemon.log()
    with fresh.client() as client:
        client.docmd("MAIL FROM:<a@b.example>")
        code, text = client.docmd(f"RCPT TO:<{old.address}>")
    assert b"expired" in text, (code, text)


def test_the_socket_is_the_mtas_alone(fresh: Site) -> None:
    """Mode 0660 and Postfix's group, in a folder that others can't enter; the daemon is not root."""
    assert fresh.daemon.socket is not None
    found = fresh.daemon.socket.stat()
    assert (found.st_mode & 0o777, found.st_gid) == (0o660, fresh.daemon.socket.parent.stat().st_gid)
    assert Path(f"/proc/{fresh.daemon.pid}").stat().st_uid != 0


def test_metrics_count_verdicts_across_workers(fresh: Site) -> None:
    """/metrics adds the workers up; no label holds anything of the client's."""
    for _ in range(7):
        fresh.send(["<reply+hello-client-text@reply.example.com>"], b"")
    url = f"http://127.0.0.1:{fresh.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:  # our own metrics
        text = answer.read().decode()
    assert 'reply_milter_recipients_total{reason="malformed",verdict="reject"} 7.0' in text
    assert "hello-client-text" not in text
    assert "hello-client-text" not in fresh.daemon.log()


def test_a_foreign_file_in_the_sockets_place_is_not_removed(tmp_path: Path, fresh: Site) -> None:
    """The daemon removes the socket of a dead daemon, and nothing else."""
    fresh.daemon.stop()
    assert fresh.daemon.socket is not None
    fresh.daemon.socket.write_text("precious")
    other = DaemonProcess(fresh.config, None, tmp_path / "log")
    with pytest.raises(AssertionError, match="is not a socket"):
        other.start()
    assert fresh.daemon.socket.read_text() == "precious"
