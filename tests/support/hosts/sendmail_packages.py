"""Sendmail out of Debian's packages, without installing it: a root folder with it, what it runs, and their libraries.

Sendmail and Postfix can't be installed together on Debian, so its packages are only downloaded and unpacked, once a
machine. Libraries that it needs and this machine lacks come the same way; what is here already is copied.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

SENDMAIL = "/usr/libexec/sendmail/sendmail"
MAKEMAP = "/usr/libexec/sendmail/makemap"
LIBRARIES = "/usr/lib/downloaded"

_PACKAGES = ("sendmail-bin", "sendmail-base", "sendmail-cf")
# Of the machine: what makes its configuration, and what to-maildir runs.
_PROGRAMS = tuple(
    f"/usr/bin/{name}"
    for name in ("m4", "sed", "uname", "hostname", "sh", "cat", "date", "mkdir", "mktemp", "mv", "rm", "sync")
)
_LIST = "files"  # of the unpacked root, in itself
_PUBLIC = 0o755


class SendmailError(Exception):
    """Sendmail can't be had or started here; the message says why."""


@cache
def unpacked() -> Path:
    """A root folder with Sendmail and all that it runs, made once and kept in the system's folder for such things.

    Raises:
        SendmailError: the packages can't be had.
    """
    if os.geteuid() != 0:
        raise SendmailError("Sendmail runs in a chroot here: run this as root")
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    cache_folder = Path(tempfile.gettempdir()) / f"reply-milter-sendmail-{_debian()}-{recipe}"
    if _is_ours(cache_folder):
        return cache_folder
    before = os.umask(0o022)
    try:
        _make_cache(cache_folder)
    finally:
        os.umask(before)
    return cache_folder


def installable(folder: Path) -> list[Path]:
    """Debian's package ``sendmail`` with all that it needs and this machine lacks, as files of ``folder``.

    Raises:
        SendmailError: the packages can't be had.
    """
    _download(["sendmail"], folder)  # brings lists of packages where there are none
    plan = _output("apt-get", "-s", "--no-install-recommends", "install", "sendmail", env={**os.environ, "LC_ALL": "C"})
    return _download(re.findall(r"(?m)^Inst (\S+)", plan), folder)


def _make_cache(cache_folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="reply-milter-sendmail-") as making:
        root = Path(making) / "root"
        _make_root(root, Path(making))
        try:
            root.rename(cache_folder)
        except OSError as error:
            if not _is_ours(cache_folder):
                raise SendmailError(f"{cache_folder}: cannot put it there: {error.strerror}") from error


def _is_ours(folder: Path) -> bool:
    """Whether ``folder`` is there, and whole. The name can be guessed: what another user put there is not run.

    Raises:
        SendmailError: somebody else's is.
    """
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    if found.st_uid != os.geteuid() or found.st_mode & 0o170022 != 0o040000:
        raise SendmailError(f"{folder}: not a folder of ours alone; remove it")
    if all((folder / name).exists() for name in (folder / _LIST).read_text().splitlines()):
        return True
    shutil.rmtree(folder)  # cleaners of the system's folder take old files one by one
    return False


def _debian() -> str:
    release = Path("/etc/os-release").read_text()
    match = re.search(r"(?m)^VERSION_ID=\"?([\w.]+)", release)
    return match[1] if match else "unknown"


def _make_root(root: Path, work: Path) -> None:
    for package in _download(_PACKAGES, work):
        _unpack(package, work / "packages")
    for name in ("usr/libexec/sendmail", "usr/share/sendmail", "etc/mail"):
        shutil.copytree(work / "packages" / name, root / name, symlinks=True)
    (root / SENDMAIL[1:]).chmod(_PUBLIC)  # setgid would have the loader ignore where we put its libraries
    downloaded = _missing_libraries(work)
    shutil.copytree(downloaded, root / LIBRARIES[1:])
    found = set(_PROGRAMS)
    for program in (str(root / SENDMAIL[1:]), str(root / MAKEMAP[1:]), *_PROGRAMS):
        found.update(path for path in _libraries(program, downloaded)[0] if not path.startswith(str(work)))
    for path in found:
        _copy_in(path, root)
    names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    (root / _LIST).write_text("\n".join(names))
    root.chmod(_PUBLIC)


def _copy_in(path: str, root: Path) -> None:
    if not os.path.exists(path):
        raise SendmailError(f"{path}: missing; install what the Makefile names in TEST_PACKAGES")
    # Whatever the loader calls it, Debian's /lib is /usr/lib.
    target = root / (path[1:] if path.startswith("/usr/") else f"usr{path}")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(os.path.realpath(path), target)


def _missing_libraries(work: Path) -> Path:
    """Download the packages of libraries that Sendmail needs and this machine lacks; the folder that they end up in."""
    folder = work / "libraries"
    folder.mkdir()
    asked = [work / f"{_PACKAGES[0]}.deb"]
    while _libraries(str(work / "packages" / SENDMAIL[1:]), folder)[1]:
        wanted = sorted(set(_needs(asked)) - {path.stem for path in work.glob("*.deb")})
        if not wanted:
            raise SendmailError("Sendmail needs libraries that its packages don't name")
        asked = _download(wanted, work)
        for package in asked:
            _unpack(package, work / "library-packages")
        for library in (work / "library-packages").rglob("*.so*"):
            shutil.copy(library, folder)
    return folder


def _needs(packages: Iterable[Path]) -> list[str]:
    """The libraries that ``packages`` depend on and that are not installed here."""
    found = []
    for package in packages:
        depends = _output("dpkg-deb", "-f", str(package), "Depends")
        for name in re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", depends):
            status = subprocess.run(
                ["dpkg-query", "-W", "-f", "${db:Status-Status}", name], capture_output=True, check=False
            )
            if status.stdout != b"installed":
                found.append(name)
    return found


def _libraries(program: str, more: Path) -> tuple[list[str], list[str]]:
    """The libraries of a program: where they are, and which are not found."""
    listing = _output("ldd", program, env={**os.environ, "LC_ALL": "C", "LD_LIBRARY_PATH": str(more)})
    found = re.findall(r"(?m)^\s*(?:\S+ => )?(/\S+) \(0x", listing)
    return found, re.findall(r"(?m)^\s*(\S+) => not found", listing)


def _download(names: Sequence[str], folder: Path) -> list[Path]:
    """Packages as files of ``folder``, each called NAME.deb; nothing is installed."""
    place = Path(tempfile.mkdtemp(dir=folder))
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *names]
    done = subprocess.run(command, cwd=place, capture_output=True, check=False)
    if done.returncode:  # a fresh machine has no lists of packages, an old one stale lists
        subprocess.run(["apt-get", "-qq", "update"], capture_output=True, check=False)
        done = subprocess.run(command, cwd=place, capture_output=True, check=False)
    if done.returncode:
        raise SendmailError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return [path.rename(folder / f"{path.name.split('_')[0]}.deb") for path in list(place.glob("*.deb"))]


def _unpack(package: Path, folder: Path) -> None:
    _output("dpkg-deb", "-x", str(package), str(folder))


def _output(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    if done.returncode:
        raise SendmailError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout.decode(errors="replace")
