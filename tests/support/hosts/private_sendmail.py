"""A private Sendmail on loopback, in its own root folder: for tests of the second real MTA.

It runs chrooted in a folder that holds nothing but it, the few programs that it starts, and their libraries. So every
file has the name that it has on an operator's machine, and Debian's own ``sendmail.mc`` and ``contrib/sendmail`` are
used as they are. It needs neither mounts nor a namespace.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.hosts.sendmail_packages import LIBRARIES, MAKEMAP, SENDMAIL, SendmailError, unpacked
from tests.support.hosts.sendmail_settings import (
    CONTRIB,
    SMMSP,
    SendmailLayout,
    fragments,
    mta_mc,
    submit_mc,
    system_files,
    tables,
)
from tests.support.hosts.system_log import SystemLog

_START_SECONDS = 15.0
_PUBLIC = 0o755
_FOLDERS = (
    "dev", "etc/mail/m4", "run/sendmail/mta", "run/reply-milter", "tmp", "usr/local/lib/reply-milter", "usr/sbin",
    "var/mail", "var/lib/sendmail/host_status", "var/spool/mqueue", "var/spool/mqueue-client",
)  # fmt: skip
# What Debian links: /bin is /usr/bin, and /var/run is /run.
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "../run"}


class PrivateSendmail:
    """A Sendmail with all its files in ``folder``, listening on 127.0.0.1 ``port``."""

    # Sendmail always lets 127.0.0.1 relay, so strangers connect from another address.
    client_address = "127.0.0.2"

    def __init__(self, folder: Path, port: int, layout: SendmailLayout | None = None) -> None:
        self.folder = folder
        self.port = port
        self._layout = layout or SendmailLayout()
        self._daemon: subprocess.Popen[bytes] | None = None
        self._log: SystemLog | None = None
        self._written = ""

    @property
    def socket_folder(self) -> Path:
        """The folder of the milter's socket: /run/reply-milter inside."""
        return self.folder / "run/reply-milter"

    @property
    def replies(self) -> Path:
        """The Maildir of accepted replies."""
        return self.folder / "var/mail/replies"

    @property
    def people(self) -> Path:
        """The Maildir of all other recipients."""
        return self.folder / "var/mail/people"

    def log(self) -> str:
        """Return its mail log."""
        return self._log.text() if self._log else self._written

    def prepare(self, milter_user: int, milter_group: int) -> None:
        """Unpack it, write its configuration as contrib/sendmail says, and make the milter's socket folder.

        Raises:
            SendmailError: the packages can't be had, or its configuration can't be made.
        """
        before = os.umask(0o022)  # Sendmail trusts no path that others may write to
        try:
            self._prepare(milter_user, milter_group)
        finally:
            os.umask(before)

    def _prepare(self, milter_user: int, milter_group: int) -> None:
        shutil.copytree(unpacked() / "etc", self.folder / "etc")
        shutil.copytree(unpacked() / "usr", self.folder / "usr", symlinks=True, copy_function=_link)
        self.folder.chmod(_PUBLIC)
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for link, target in _LINKS.items():
            (self.folder / link).symlink_to(target)
        os.chown(self.socket_folder, milter_user, milter_group)
        self.socket_folder.chmod(0o2750)
        (self.folder / "var/mail").chmod(0o775)
        shutil.chown(self.folder / "var/mail", "mail", "mail")
        (self.folder / "dev/null").touch()
        (self.folder / "dev/null").chmod(
            0o666
        )  # a file will do; a device can't be opened where TMPDIR is mounted nodev
        (self.folder / "tmp").chmod(0o1777)
        os.chown(self.folder / "var/spool/mqueue-client", SMMSP, SMMSP)
        (self.folder / "var/spool/mqueue-client").chmod(0o770)
        (self.folder / "var/spool/mqueue").chmod(0o700)
        self._write_configuration()

    def start(self) -> None:
        """Start it and wait until it takes connections.

        Raises:
            SendmailError: it does not start; with the end of its log.
        """
        self._log = SystemLog(self.folder / "dev/log")
        self._daemon = self._start(SENDMAIL, "-bD", "-Am", "-q1h")
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                said = self._output().read_text(errors="replace") + self.log()
                self.stop()
                raise SendmailError(f"Sendmail did not start: {said[-800:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it with all the processes that it started."""
        if self._daemon is not None:
            self._daemon.terminate()
            try:
                self._daemon.wait(5)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
            for pid in self._inmates():  # SMTP sessions and deliveries, each a process of its own
                _kill(pid)
            self._daemon = None
        if self._log is not None:
            self._written = self.log()
            self._log.close()
            self._log = None

    def flush(self) -> None:
        """Try to deliver all deferred mail now."""
        self._run(SENDMAIL, "-q")

    def queue(self, held: bool = False) -> list[str]:
        """Queue ids of mail that is still to be delivered; or of what is ``held``: quarantined."""
        names = os.listdir(self.folder / "var/spool/mqueue")
        return [name[2:] for name in names if name.startswith("hf" if held else "qf")]

    def sendmail(self, arguments: Sequence[str], message: bytes) -> "subprocess.CompletedProcess[bytes]":
        """Submit a message with sendmail(1), as Debian sets it up: it speaks SMTP to the daemon."""
        return self._run(SENDMAIL, *arguments, given=message)

    def _write_configuration(self) -> None:
        mail = self.folder / "etc/mail"
        for name, text in system_files(self._layout).items():
            (self.folder / "etc" / name).write_text(text)
        shutil.copy(mail / "service.switch-nodns", mail / "service.switch")
        for name in ("local-host-names", "relay-domains", "trusted-users"):
            (mail / name).write_text("")
        for name, text in fragments(self._layout).items():
            (mail / "m4" / name).write_text(text)
        shutil.copy(CONTRIB / "to-maildir", self.folder / "usr/local/lib/reply-milter/to-maildir")
        debian = self.folder / "usr/share/sendmail/cf/debian"
        self._configure("sendmail", mta_mc((debian / "sendmail.mc").read_text(), self.port, self._layout))
        self._configure("submit", submit_mc((debian / "submit.mc").read_text(), self.port))
        for name, lines in tables(self._layout).items():
            (mail / name).write_text(lines)
            if name != "aliases":
                self._checked(MAKEMAP, "hash", f"/etc/mail/{name}", given=lines.encode())
        self._checked(SENDMAIL, "-bi", "-Am")

    def _configure(self, name: str, text: str) -> None:
        mail = self.folder / "etc/mail"
        (mail / f"{name}.mc").write_text(text)
        made = self._checked("/usr/bin/m4", f"/etc/mail/{name}.mc")
        if made.stderr:
            raise SendmailError(f"{name}.mc: {made.stderr.decode(errors='replace')}")
        (mail / f"{name}.cf").write_bytes(made.stdout)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _output(self) -> Path:
        return self.folder / "output"

    def _inmates(self) -> list[int]:
        """Return the processes whose root is our folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "root") == os.path.realpath(self.folder):
                    found.append(int(entry.name))
            except OSError:
                continue  # gone, or a process of the kernel's
        return found

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        with open(self._output(), "ab") as output:
            return subprocess.Popen(
                _chrooted(self.folder, command),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o022,
            )

    def _run(self, *command: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            _chrooted(self.folder, command),
            env=_environment(),
            input=given,
            capture_output=True,
            timeout=60,
            check=False,
            umask=0o022,
        )

    def _checked(self, *command: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        done = self._run(*command, given=given)
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise SendmailError(f"{' '.join(command)}: exit {done.returncode}: {said[-800:]}")
        return done


def _chrooted(root: Path, command: Sequence[str]) -> list[str]:
    return ["/usr/sbin/chroot", str(root), *command]


def _environment() -> dict[str, str]:
    # Not the tests' own environment: a CI's TMPDIR, LANG or MAIL* would change Sendmail's behaviour.
    return {"PATH": "/usr/bin:/bin:/usr/sbin", "LD_LIBRARY_PATH": LIBRARIES}


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it ended by itself in the meantime
        os.kill(pid, signal.SIGKILL)


def _link(source: str, target: str) -> None:
    """Link a program of the unpacked packages: no process writes to it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
