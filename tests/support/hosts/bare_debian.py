"""A Debian 12 with nothing in it but what debootstrap's smallest variant brings: what a page forgot to name is missing.

It shares this machine's kernel and network, so that apt and pip work there; it has no systemd that runs.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_BUILD = Path(__file__).parents[3] / "build/bare-debian"
_MIRROR = "http://deb.debian.org/debian"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Mounts are made in a namespace of the command, and end with it. A policy-rc.d lets no package start a service.
_ENTER = """
root=$1; shift
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 dev "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --bind -o ro "$1" "$root$1"; shift; done
shift
exec chroot "$root" "$@"
"""
Done = subprocess.CompletedProcess[str]


class BareDebianError(Exception):
    """None can be had here; the message says why."""


class BareDebian:
    """One in the folder ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str, **environment: str) -> Done:
        """Run a command in it, as root, from ``/root``."""
        folders = _pip(self.root)
        named = {"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        entering = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", _ENTER, "enter"]
        inside = ["env", "-i", *(f"{name}={value}" for name, value in {**named, **environment}.items()), *words]
        return subprocess.run(
            [*entering, str(self.root), *folders, "--", *inside],
            capture_output=True, text=True, errors="replace", timeout=1800, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def sh(self, script: str, **environment: str) -> str:
        """Run a shell script that must succeed; return its output, errors and warnings last."""
        done = self.run("sh", "-euc", f"cd /root\n{script}", **environment)
        assert done.returncode == 0, (script, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout + done.stderr

    def put(self, file: Path, path: str) -> None:
        """Copy a file of ours into it."""
        shutil.copyfile(file, self.root / path.lstrip("/"))


@cache
def _settings() -> dict[str, str]:
    """Return what pip of this machine is told, in its files or its environment."""
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    told = subprocess.run(words, capture_output=True, text=True).stdout
    return dict(re.findall(r"(?m)^(?:global|:env:)\.([a-z-]+)='(.*)'$", told))


def _pip(root: Path) -> list[str]:
    """Let pip find PyPI as that of this machine does; return folders of this machine that it looks into."""
    told: dict[str, str] = {
        name: _settings()[name] for name in ("find-links", "extra-index-url", "index-url") if name in _settings()
    }
    folders = {
        f"/{'/'.join(path.split('/')[1:3])}"
        for text in told.values()
        for path in re.findall(r"(?:^|\s|file://)(/\w[\w./-]+)", text)
    }
    if "cert" in _settings():
        shutil.copyfile(_settings()["cert"], root / "pip-ca.crt")
        told["cert"] = "/pip-ca.crt"
    lines = [f"{name} = {value}\n" for name, value in told.items()]
    (root / "etc/pip.conf").write_text(f"[global]\n{''.join(lines)}")
    return sorted(folder for folder in folders if os.path.isdir(folder))


@contextmanager
def bare_debian() -> Iterator[BareDebian]:
    """Make one, and remove it at the end.

    Raises:
        BareDebianError: no mirror of Debian can be reached, or this user or kernel may not do it.
    """
    image = _image()
    folder = Path(tempfile.mkdtemp(prefix="bare-debian-"))
    try:
        subprocess.run(["tar", "-C", folder, "-xpf", image], check=True)
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", folder / "etc" / name)
        yield BareDebian(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _image() -> Path:
    """Return what debootstrap made, kept for the next run."""
    image = _BUILD / "bookworm.tar"
    if image.exists():
        return image
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise BareDebianError("debootstrap is missing here, or this user is not root")
    _BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="debootstrap-") as name:
        root = Path(name) / "root"
        words = ["debootstrap", "--variant=minbase", "bookworm", str(root), _MIRROR]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise BareDebianError(f"debootstrap: {done.stdout[-300:]}{done.stderr[-300:]}")
        (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        subprocess.run(["tar", "-C", root, "-cpf", f"{image}.{os.getpid()}", "."], check=True)
    os.replace(f"{image}.{os.getpid()}", image)
    return image
