"""A private Postfix on loopback, in its own folder: for the demonstration and for tests with a real MTA.

Its configuration is Debian's own ``master.cf``, with chrooted daemons, and ``contrib/postfix``, as operators use them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DAEMONS = Path("/usr/lib/postfix/sbin")
_MASTER_CF = Path("/usr/share/postfix/master.cf.dist")
_START_SECONDS = 40.0
_PUBLIC = 0o755
# Ends Postfix when this process has ended, also by SIGKILL. PR_SET_PDEATHSIG would not: the kernel clears it when a
# process changes its user id, and master does so.
_GUARD = "import os, signal, sys; sys.stdin.read(); os.kill(int(sys.argv[1]), signal.SIGTERM)"

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mx.example.com
mydestination =
inet_interfaces = loopback-only
# Clients on loopback are treated as strangers: without privileges, and without added header fields.
mynetworks =
local_header_rewrite_clients =
smtpd_peername_lookup = no
alias_maps =
alias_database =
# Mailboxes of people, besides the reply domain.
virtual_mailbox_domains = example.com, mx.example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {{ @example.com = people/ }} {{ @mx.example.com = people/ }} }}
virtual_minimum_uid = 8
virtual_uid_maps = static:8
virtual_gid_maps = static:8
"""


class PostfixError(Exception):
    """Postfix can't be started here; the message says what to do, and includes Postfix's own error."""


def contrib_folder() -> Path:
    """Return the folder of the fragments for Postfix: in the checkout, or of the installed package.

    Raises:
        PostfixError: there is no such folder.
    """
    for folder in (Path(__file__).parents[4] / "contrib", Path(sys.prefix) / "share/reply-milter/contrib"):
        if (folder / "postfix").is_dir():
            return folder / "postfix"
    raise PostfixError("the folder contrib/postfix is missing: run this from a checkout, or install the package whole")


@dataclass(frozen=True, slots=True)
class Layout:
    """The fragments of contrib/postfix to append to each file."""

    main_cf: Sequence[str] = ("reply-domain.main.cf", "shared-smtpd.main.cf")
    master_cf: Sequence[str] = ("reply-delivery.master.cf",)
    more: str = ""  # additional main.cf lines of a test
    more_services: str = ""  # additional master.cf lines
    own_smtpd_port: int = 0
    submission_port: int = 0


class PrivatePostfix:
    """A Postfix with all its files in ``folder``, and its smtpd on 127.0.0.1 ``port``."""

    def __init__(self, folder: Path, port: int, layout: Layout | None = None) -> None:
        self.folder = folder
        self.port = port
        self._layout = layout or Layout()
        self.own_smtpd_port = self._layout.own_smtpd_port
        self.submission_port = self._layout.submission_port
        self._master: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def socket_folder(self) -> Path:
        """The folder of the milter's socket, inside the chroot: smtpd reaches it as ``reply-milter/``."""
        return self.folder / "spool" / "reply-milter"

    @property
    def replies(self) -> Path:
        """The Maildir of accepted replies."""
        return self.folder / "mail" / "replies"

    @property
    def people(self) -> Path:
        """The Maildir of all other recipients."""
        return self.folder / "mail" / "people"

    def log(self) -> str:
        """Return its mail log."""
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def prepare(self, milter_user: int, postfix_group: int) -> None:
        """Write its configuration and make its folders; the socket folder as contrib/postfix describes."""
        if not (_DAEMONS / "master").exists():
            raise PostfixError("no Postfix found: install it (Debian: postfix)")
        self.folder.mkdir(mode=_PUBLIC, parents=True, exist_ok=True)
        for name in ("etc", "spool", "lib", "mail"):
            (self.folder / name).mkdir(mode=_PUBLIC, exist_ok=True)
        shutil.chown(self.folder / "lib", "postfix")
        shutil.chown(self.folder / "mail", "mail", "mail")
        self.socket_folder.mkdir(exist_ok=True)
        os.chown(self.socket_folder, milter_user, postfix_group)
        self.socket_folder.chmod(0o2750)
        contrib = contrib_folder()
        main = _MAIN_CF.format(folder=self.folder) + self._fragments(contrib, self._layout.main_cf)
        main = re.sub(r"(?m)^reply_mail_base = .*", f"reply_mail_base = {self.folder}/mail", main)
        (self.folder / "etc/main.cf").write_text(_each_once(main + self._layout.more))
        master = re.sub(r"(?m)^smtp +inet", f"127.0.0.1:{self.port} inet", _MASTER_CF.read_text())
        master += self._fragments(contrib, self._layout.master_cf)
        master = master.replace("192.0.2.25:smtp", f"127.0.0.1:{self._layout.own_smtpd_port}")
        master = re.sub(r"(?m)^submission +inet", f"127.0.0.1:{self._layout.submission_port} inet", master)
        (self.folder / "etc/master.cf").write_text(master + self._layout.more_services)

    def start(self) -> None:
        """Start it and wait until it takes connections.

        Raises:
            PostfixError: it does not start; the message has the end of its log.
        """
        checked = self._command("postfix", "check")
        if checked.returncode:
            raise PostfixError(f"postfix check: {checked.stderr.decode(errors='replace').strip()}")
        self._master = subprocess.Popen(  # noqa: S603 # fixed program, own folder
            [_DAEMONS / "master", "-c", self.folder / "etc", "-d"],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        self._guard = subprocess.Popen(  # noqa: S603 # this interpreter, and a program of two lines
            [sys.executable, "-c", _GUARD, str(self._master.pid)], stdin=subprocess.PIPE, start_new_session=True
        )
        deadline = time.monotonic() + _START_SECONDS
        while "daemon started" not in self.log():
            if self._master.poll() is not None or time.monotonic() > deadline:
                raise PostfixError(f"Postfix did not start: {self.log()[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it with all its daemons."""
        if self._master is None:
            return
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        self._master.send_signal(signal.SIGTERM)
        try:
            self._master.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._master.pid, signal.SIGKILL)
            self._master.wait()
        self._master = None

    def flush(self) -> None:
        """Try to deliver all deferred mail now."""
        self._command("postqueue", "-f")

    def queue(self, held: bool = False) -> list[str]:
        """Return queue ids of undelivered mail; with ``held``, of mail on hold."""
        listing = self._command("postqueue", "-p").stdout.decode(errors="replace")
        return [match[1] for match in re.finditer(r"(?m)^([0-9A-F]+)([*!]?) ", listing) if (match[2] == "!") is held]

    def sendmail(self, arguments: Sequence[str], message: bytes) -> "subprocess.CompletedProcess[bytes]":
        """Submit a message with sendmail(1), which uses no smtpd."""
        return self._command("sendmail", *arguments, given=message)

    def _fragments(self, contrib: Path, names: Sequence[str]) -> str:
        return "".join(f"\n{(contrib / name).read_text()}" for name in names)

    def _command(self, name: str, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        option = "-C" if name == "sendmail" else "-c"
        return subprocess.run(  # noqa: S603 # fixed programs, own folder
            [f"/usr/sbin/{name}", option, str(self.folder / "etc"), *arguments],
            input=given,
            capture_output=True,
            check=False,
        )


def _each_once(main_cf: str) -> str:
    """Keep of each parameter the last line, which is the one that counts.

    Each of Postfix's daemons warns of an earlier one when it starts, and postlogd, which takes such warnings, can wait
    for itself for ever.
    """
    entries = re.split(r"(?m)^(?=[^\s#])", main_cf)
    last = {entry.partition("=")[0].strip(): number for number, entry in enumerate(entries)}
    kept = (entry for number, entry in enumerate(entries) if last[entry.partition("=")[0].strip()] == number)
    return "".join(kept)
