"""A throwaway copy of this machine with a real systemd: its changes leave no trace here.

It has the same files through an overlay, which drops every change, and its own processes, network (only loopback),
mounts, cgroups and host name. It needs root and a kernel that permits it; else ``MachineError`` says why.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_BOOT = Path(__file__).with_name("boot-machine")
_BOOT_SECONDS = 60.0
_CGROUPS = Path("/sys/fs/cgroup")
Done = subprocess.CompletedProcess[str]


class MachineError(Exception):
    """This machine can't be copied; the message says why."""


class Machine:
    """``seen``: folders of this machine that it can read."""

    def __init__(self, seen: Sequence[Path] = ()) -> None:
        self._work = Path(tempfile.mkdtemp(prefix="machine-"))
        self._seen = [str(folder) for folder in seen]
        self._cgroups = [_CGROUPS] if (_CGROUPS / "cgroup.controllers").exists() else []
        self._cgroups = self._cgroups or [_CGROUPS / "unified", _CGROUPS / "systemd"]
        self._unshare: subprocess.Popen[bytes] | None = None
        self._init = 0

    def start(self) -> "Machine":
        """Boot it, and wait until it is up.

        Raises:
            MachineError: this kernel or this user is not able to.
        """
        words = ["unshare", "--mount", "--pid", "--net", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child"]
        log = self._work / "log"  # the copy mounts something else over it
        with open(log, "wb") as told:
            self._unshare = subprocess.Popen(
                [*words, "sh", str(_BOOT), str(self._work), *self._seen], stdout=told, stderr=told,
                preexec_fn=self._enter_cgroup,
            )  # fmt: skip
        deadline = time.monotonic() + _BOOT_SECONDS
        while not self._is_up():
            if self._unshare.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()[-500:]
                self.stop()
                raise MachineError(
                    f"no machine with a systemd of its own can be had here: {said or 'it does not boot'}"
                )
            time.sleep(0.05)
        return self

    def _enter_cgroup(self) -> None:
        """Enter a new cgroup, which becomes the root of its cgroups."""
        for tree in self._cgroups:
            group = tree / self._work.name
            group.mkdir(exist_ok=True)
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def _is_up(self) -> bool:
        """Return whether every service was started, even with failures, which the tests examine."""
        assert self._unshare is not None
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        init = children.read_text().split() if children.exists() else []
        if not init or Path(f"/proc/{init[0]}/comm").read_text().strip() != "systemd":
            return False
        self._init = int(init[0])
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def stop(self) -> None:
        """End it with all its processes, and remove it."""
        if self._unshare is not None:
            if self._init:
                os.kill(self._init, signal.SIGKILL)
            self._unshare.kill()
            self._unshare.wait()
            self._unshare = None
        for tree in self._cgroups:
            group = tree / self._work.name
            for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                self._remove(folder)
            self._remove(group)
        shutil.rmtree(self._work, ignore_errors=True)

    def _remove(self, group: Path) -> None:
        """Remove its cgroup, once its processes have ended."""
        deadline = time.monotonic() + 5
        while group.exists():
            try:
                group.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def run(self, *words: str, given: str = "", **environment: str) -> Done:
        """Run a command in it, as root."""
        return subprocess.run(
            ["nsenter", "-t", str(self._init), "-m", "-p", "-n", "-C", "-u", "-i", "-r", "-w", "--",
             "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             "HOME=/root", *(f"{name}={value}" for name, value in environment.items()), *words],
            input=given, capture_output=True, text=True, errors="replace", timeout=120,
        )  # fmt: skip

    def good(self, *words: str, given: str = "", **environment: str) -> str:
        """Run a command that must succeed; return its output."""
        done = self.run(*words, given=given, **environment)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def sh(self, script: str, **environment: str) -> str:
        """Run a shell script that must succeed; return its output."""
        return self.good("sh", "-euc", script, **environment)

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""
        self.good("tee", path, given=text)

    def put(self, file: Path, path: str) -> None:
        """Copy a file of ours into it."""
        shutil.copyfile(file, f"/proc/{self._init}/root{path}")
