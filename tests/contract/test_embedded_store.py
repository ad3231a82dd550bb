"""Commands on an embedded store while no daemon runs: in turn, and leaving nothing behind when they are killed."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from reply_milter.cli.init import write_files
from reply_milter.wiring.stores import load
from tests.support.processes.daemon_process import USER, runtime, wait_until
from tests.support.stores.redis_under_test import PROGRAM

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

HOLD = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also under nohup
from reply_milter.wiring.stores import load
from reply_milter.cli.embedded_store import reachable_store
with reachable_store(load(sys.argv[1]).config):
    print("there", flush=True)
    time.sleep(60)
"""


@dataclass
class Installation:
    """One without a daemon. Where root runs the tests, its state is USER's."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "etc" / "reply-milter.toml"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def start(self, *words: object, code: str = "", as_user: bool = False) -> subprocess.Popen[str]:
        """A command, or ``code``, in a process of its own."""
        python, path = runtime()
        program = ["-c", code, str(self.config)] if code else ["-m", "reply_milter", *map(str, words)]
        drop = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if as_user else {}
        environment = {**os.environ, "REPLY_MILTER_CONFIG": str(self.config), "PYTHONPATH": path}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process: subprocess.Popen[str] = subprocess.Popen([python, *program], env=environment, cwd="/", **pipes, **drop)  # type: ignore[call-overload]
        return process

    def run(self, *words: object, wanted: int = os.EX_OK, as_user: bool = False) -> tuple[str, str]:
        """A command's standard output and standard error."""
        process = self.start(*words, as_user=as_user)
        out, err = process.communicate(timeout=120)
        assert process.returncode == wanted, err
        assert "Traceback" not in err
        return out, err

    def hold(self) -> subprocess.Popen[str]:
        """A command that works on the store until it is ended."""
        process = self.start(code=HOLD)
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        return process

    def redis_pid(self) -> int:
        """Of the store that runs now."""
        with redis.Redis(unix_socket_path=str(self.state / "redis" / "redis.sock")) as client:
            return int(client.info("server")["process_id"])

    def refused(self, *words: object, as_user: bool = False) -> str:
        """The one line of a command that gets nowhere."""
        out, err = self.run(*words, wanted=os.EX_TEMPFAIL, as_user=as_user)
        assert (out, err.count("\n")) == ("", 1)
        return err


@pytest.fixture
def installation() -> Iterator[Installation]:
    """In a folder with a short name, which USER can enter."""
    folder = Path(tempfile.mkdtemp(prefix="rm-store-"))
    folder.chmod(0o755)
    write_files(folder / "etc", "reply.test", "reply.test", str(folder / "state"))
    made = Installation(folder)
    made.state.mkdir(0o700)
    for path in (made.state, made.config.parent, *made.config.parent.iterdir()):
        _give(path)
    yield made
    shutil.rmtree(folder)


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam(USER)
        os.chown(path, account.pw_uid, account.pw_gid)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_killed_command_takes_its_store_along(installation: Installation, number: signal.Signals) -> None:
    """Also where root ran it and the store does not: two stores on the same files would ruin them."""
    process = installation.hold()
    store = installation.redis_pid()
    owner = Path(f"/proc/{store}").stat().st_uid
    assert owner == installation.state.stat().st_uid
    process.send_signal(number)
    process.communicate()
    wait_until(lambda: _is_gone(store), 5, "the store is gone")
    installation.run("user", "show", 1)


def test_a_store_holds_the_lock_as_long_as_it_lives(installation: Installation) -> None:
    """The store keeps the lock after its starter has ended, and inherits no other descriptor."""
    process = installation.hold()
    inherited = Path(f"/proc/{installation.redis_pid()}/fd")
    targets = [os.readlink(path) for path in inherited.iterdir()]
    assert str(installation.state / "lock") in targets
    assert not any(target.startswith("pipe:") and "there" in target for target in targets)
    assert (installation.state / "lock").read_text() == f"command {process.pid}\n"
    process.kill()
    process.communicate()


def test_commands_at_once_work_in_turn(installation: Installation) -> None:
    """Eight commands: none is refused, and all of their changes are there."""
    processes = [installation.start("revoke", "user", user) for user in range(8)]
    failed = [err for process in processes for _, err in [process.communicate(timeout=120)] if process.returncode]
    assert failed == []
    for user in (0, 7):
        assert '"revoked_before": 1' in installation.run("user", "show", user, "--json")[0]


def test_what_is_changed_without_a_daemon_says_so(installation: Installation) -> None:
    """In the wrong folder, too: a daemon that was not restarted has another. Reading says nothing."""
    out, err = installation.run("revoke", "user", 5)
    assert "Effective at once" not in out
    assert err == f"reply-milter: no daemon runs with {installation.state}: the change takes effect when one starts\n"
    assert installation.run("user", "show", 5)[1] == ""


def test_files_are_the_daemons(installation: Installation) -> None:
    """Even if root ran the command."""
    installation.run("user", "set", 5, "--disabled")
    owner = installation.state.stat().st_uid
    assert {path.stat().st_uid for path in installation.state.rglob("*")} == {owner}


def test_a_missing_state_folder_is_not_made(installation: Installation) -> None:
    """It would be root's, and the daemon could not start."""
    installation.state.rmdir()
    line = installation.refused("user", "show", 1)
    assert f"{installation.state} does not exist; make it: install -d -m 0700 -o USER {installation.state}" in line
    assert not installation.state.exists()


def test_a_store_that_can_not_be_made_is_one_line(installation: Installation) -> None:
    """A file in the folder's place; and a folder that can't be written."""
    (installation.state / "redis").write_text("")
    assert f"{installation.state}/redis: File exists; nothing was changed" in installation.refused("user", "show", 1)
    (installation.state / "redis").unlink()
    (installation.state / "redis").mkdir()
    _give(installation.state / "redis")
    (installation.state / "redis").chmod(0o500)
    line = installation.refused("revoke", "user", 1, as_user=os.geteuid() == 0)
    assert f"{installation.state}/redis/redis.conf: Permission denied; nothing was changed" in line


def test_a_store_that_does_not_start_is_noticed_at_once(installation: Installation) -> None:
    """Its files are damaged."""
    installation.run("user", "set", 5, "--disabled")
    (installation.state / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    start = time.monotonic()
    line = installation.refused("user", "show", 1)
    assert f"the embedded store does not start: see {installation.state}/redis/redis.log" in line
    assert time.monotonic() - start < 10


def test_a_folder_of_somebody_else_is_one_line(installation: Installation) -> None:
    """Root's, and the command is not run by root."""
    if os.geteuid() != 0:
        pytest.skip("nobody else's folder to try")
    os.chown(installation.state, 0, 0)
    line = installation.refused("user", "show", 1, as_user=True)
    advice = "the folder and its files must belong to the daemon's user"
    assert f"{installation.state}/lock: Permission denied; {advice}" in line


def test_a_full_disk_is_one_line_and_leaves_no_half_key_file(installation: Installation) -> None:
    """``keys add`` where no file may grow."""
    limited = f"ulimit -f 0; exec {sys.executable} -m reply_milter keys add --config {installation.config}"
    done = subprocess.run(["sh", "-c", limited], capture_output=True, text=True, cwd="/")
    assert done.returncode == os.EX_CANTCREAT
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert {path.name for path in installation.config.parent.iterdir()} == {
        "reply-milter.toml",
        "keys.toml",
        "seal.key",
    }
    assert stat.S_IMODE((installation.config.parent / "keys.toml").stat().st_mode) == 0o600
    assert len(load(str(installation.config)).keyring.keys) == 1
