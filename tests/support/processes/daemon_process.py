"""The real daemon as a test runs it: not as root, from a place that its user can read, ended by process id."""

import atexit
import contextlib
import operator
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import reply_milter
import reply_text
from tests.support.processes import engine

USER = "daemon"  # a user of every Debian system that owns none of our files
READY_SECONDS = 20.0
_STARTED = re.compile(r"started (?:(worker) )?\S+, process (\d+)")


def wait_until(ready: Callable[[], bool], seconds: float, what: str, why: Callable[[], str] = str) -> None:
    """Poll ``ready``; fail with ``what`` if it does not come true in time, and with what ``why`` gives then."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}\n{why()}"
        time.sleep(0.01)


@cache
def runtime() -> tuple[str, str]:
    """An interpreter, and a PYTHONPATH, with which USER can run the daemon.

    Copies the packages if they are below a folder that this user cannot enter.
    """
    ours = Path(reply_milter.__file__).parent  # build/compiled has another one than the editable installation
    if os.geteuid() != 0 or _can_import(sys.executable, str(ours.parent)):
        return sys.executable, str(ours.parent)
    folder = Path(tempfile.mkdtemp(prefix="reply-milter-runtime-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for package in (ours, Path(reply_text.__file__).parent):
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for library in ours.parent.glob("reply_milter__mypyc.*"):
        shutil.copy(library, folder)
    skip = shutil.ignore_patterns("__pycache__", "mypy*", "ruff*", "hypothesis*", "pip*", "grimp*", "setuptools*")
    shutil.copytree(sysconfig.get_path("purelib"), folder / "lib", ignore=skip, symlinks=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = f"{folder}:{folder / 'lib'}"
    for python in (os.path.realpath(sys.executable), f"/usr/bin/{version}"):
        if os.path.exists(python) and _can_import(python, path):
            return python, path
    raise AssertionError(
        f"the user {USER} can run no {version} here: {sys.executable} must lie where every user may enter"
    )


def _can_import(python: str, path: str) -> bool:
    command = [python, "-c", "import reply_milter.cli"]
    try:
        done = subprocess.run(
            command, user=USER, group=_gid(), extra_groups=[], cwd="/", env={"PYTHONPATH": path}, capture_output=True
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _gid() -> int:
    return pwd.getpwnam(USER).pw_gid


class DaemonProcess:
    """``reply-milter run`` on a configuration file; ``socket`` is where it will listen."""

    def __init__(self, config: Path, socket: Path | None, log: Path) -> None:
        self.config = config
        self.socket = socket
        self.log_path = log
        self.program = ["-m", "reply_milter"]
        self.environment: dict[str, str] = {}  # additional environment, as of a service manager
        self.wrapper: tuple[str, ...] = ()  # a command that runs the command behind it
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        engine.put_into(self.config)
        python, path = runtime()
        as_user: dict[str, object] = {}
        if os.geteuid() == 0:
            as_user = {"user": USER, "group": _gid(), "extra_groups": []}
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [*self.wrapper, python, *self.program, "run", "--config", str(self.config)],
                stderr=log,
                cwd="/",
                env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", **self.environment},
                **as_user,  # type: ignore[call-overload]
            )
        wait_until(self._listening, READY_SECONDS, f"the daemon listens: {self.log()[-2000:]}")

    def _listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()[-2000:]
        return "started worker" in self.log() and (self.socket is None or self.socket.exists())

    def log(self) -> str:
        """What it wrote to standard error."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def workers(self) -> list[int]:
        """Process ids of the live workers, by its log and the kernel's word."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        started = {pid: kind for kind, pid in _STARTED.findall(self.log())}  # of a number used again, the last counts
        return [int(pid) for pid in children if started.get(pid) == "worker"]

    def kill_workers(self) -> int:
        """SIGKILL each live worker; how many were there to be killed. One listed a moment ago may be gone already."""
        killed = 0
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    def reload(self) -> None:
        """SIGHUP, and wait until every worker says that it has, or the supervisor that it has not."""
        workers = self.workers()
        before = self._reloads(workers)
        self.send(signal.SIGHUP)
        wait_until(lambda: all(map(operator.gt, self._reloads(workers), before)), 5, "all workers reloaded")

    def _reloads(self, workers: list[int]) -> list[int]:
        """How often each said so, or the supervisor the contrary for all."""
        log = self.log()
        refused = log.count("not reloaded")
        said = re.findall(r'\[(\d+)\]: reloaded$|"reloaded", "pid": (\d+)', log, re.MULTILINE)
        pids = [text or json for text, json in said]
        return [refused + pids.count(str(pid)) for pid in workers]

    def send(self, number: int) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, number)

    def stop(self) -> float:
        """SIGTERM, and wait; returns the seconds that it took."""
        if self._process is None:
            return 0.0
        start = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - start

    def kill(self) -> None:
        """kill -9 of the supervisor, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
