"""A private Dovecot on loopback: plain, STARTTLS and TLS from the first octet on; all its files in a folder of its own.

Any user name logs in with ``PASSWORD``; OAuth tokens are asked about at ``token_info``, if that is given.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificate import write_certificate
from tests.support.processes.ports import free_port, listens

PASSWORD = "right-horse"  # noqa: S105 (of tests alone)
USER = "inbound@example.com"
_DOVECOT = "/usr/sbin/dovecot"
_START_SECONDS = 20.0
_ALL = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ UIDPLUS MOVE NAMESPACE SPECIAL-USE UNSELECT CHILDREN"


class DovecotError(Exception):
    """It does not start. The message holds its log."""


@dataclass(frozen=True)
class DovecotLayout:
    """What an instance is like. ``without``: capabilities that it does not offer. ``quota``: as Dovecot writes it.

    ``address``: where it listens, beside 127.0.0.1.
    """

    without: tuple[str, ...] = ()
    quota: str = ""
    divider: str = "/"
    prefix: str = ""
    token_info: str = ""
    plaintext: bool = True
    address: str = ""


class PrivateDovecot:
    """A Dovecot whose mailboxes are Maildirs. Everything is in ``folder``, which other users must be able to enter."""

    def __init__(self, folder: Path, layout: DovecotLayout | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.tls_port = free_port()
        self.certificate = folder / "cert.pem"
        self.user = USER
        self._layout = layout or DovecotLayout()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run. Its processes are children of that one."""
        return self._process.pid if self._process is not None else 0

    @property
    def inbox(self) -> Path:
        """The Maildir of ``user``: any name is one; each has a mailbox of its own."""
        return self.folder / "mail" / self.user

    def folder_named(self, name: str) -> Path:
        """The Maildir of one of the user's folders; its levels are divided by ``/``, its name is as on disk."""
        return self.inbox / f".{name.replace('/', '.')}"

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            DovecotError: it does not.
        """
        self._prepare()
        self._process = subprocess.Popen(
            [_DOVECOT, "-F", "-c", self.folder / "dovecot.conf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + _START_SECONDS
        while not (listens(self.port) and listens(self.tls_port)):
            if time.monotonic() > until or self._process.poll() is not None:
                raise DovecotError(self.log())
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it with all its processes. Its mail stays."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)  # an imap process would answer its client on
            self._process.wait(20)
            self._process = None

    def log(self) -> str:
        """What it has logged."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def deliver(self, message: bytes, count: int = 1, folder: Path | None = None) -> None:
        """Put ``count`` copies of a message into the inbox, as an MDA does."""
        box = folder or self.inbox
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True, exist_ok=True)
            os.chown(box / part, self._owner.pw_uid, self._owner.pw_gid)
        for number in range(count):
            name = f"{time.time_ns()}.{number}.test"
            path = box / "tmp" / name
            path.write_bytes(message)
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
            path.rename(box / "new" / name)
        os.chown(box, self._owner.pw_uid, self._owner.pw_gid)

    def messages(self, folder: str = "") -> list[bytes]:
        """Return the messages of one of the user's folders, or of the inbox."""
        box = self.folder_named(folder) if folder else self.inbox
        return [path.read_bytes() for part in ("cur", "new") for path in sorted((box / part).glob("*"))]

    def flags(self, folder: str = "") -> list[str]:
        """Return the Maildir flags of each message of a folder."""
        box = self.folder_named(folder) if folder else self.inbox
        names = [path.name for part in ("cur", "new") for path in sorted((box / part).glob("*"))]
        return [name.partition(":2,")[2] for name in names]

    def flag(self, number: int, flags: str) -> None:
        """Give the ``number``-th message, from 1, Maildir flags, as another program would."""
        path = [path for part in ("cur", "new") for path in sorted((self.inbox / part).glob("*"))][number - 1]
        path.rename(self.inbox / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")

    def change_uidvalidity(self) -> None:
        """Forget all UIDs, as a restored backup does."""
        for name in self.inbox.glob("dovecot*"):
            if name.is_file():
                name.unlink()

    def _prepare(self) -> None:
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        os.chown(self.folder / "mail", self._owner.pw_uid, self._owner.pw_gid)
        if not self.certificate.exists():
            write_certificate(self.certificate, self.folder / "key.pem", "localhost")
        (self.folder / "oauth2.conf").write_text(
            f"introspection_url = {self._layout.token_info}\nintrospection_mode = get\nusername_attribute = username\n"
            "active_attribute = active\nactive_value = true\n"
        )
        (self.folder / "dovecot.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        layout, folder = self._layout, self.folder
        listen = ", ".join(filter(None, ("127.0.0.1", layout.address)))
        capability = " ".join(word for word in _ALL.split() if word not in layout.without)
        return f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = {listen}
{self._users()}
mail_location = maildir:{folder}/mail/%u
mail_home = {folder}/mail/%u
first_valid_uid = 1
disable_plaintext_auth = {"no" if layout.plaintext else "yes"}
auth_mechanisms = plain login{" xoauth2 oauthbearer" if layout.token_info else ""}
auth_failure_delay = 0
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{folder}/key.pem
ssl_min_protocol = TLSv1.2
mail_fsync = never
{self._token_passdb()}
passdb {{
  driver = static
  args = password={PASSWORD}
  mechanisms = plain login
}}
userdb {{
  driver = static
  args = uid={self._owner.pw_uid} gid={self._owner.pw_gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = {layout.divider}
  prefix = {layout.prefix}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {listen}
    port = {self.port}
  }}
  inet_listener imaps {{
    address = {listen}
    port = {self.tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
protocol imap {{
  imap_capability = {capability}
  mail_max_userip_connections = 100
  {"mail_plugins = quota imap_quota" if layout.quota else ""}
}}
{self._quota()}
"""

    def _users(self) -> str:
        if os.geteuid() == 0:
            return "default_internal_user = dovecot\ndefault_login_user = dovenull"
        name, group = self._owner.pw_name, self._owner.pw_gid
        return f"default_internal_user = {name}\ndefault_login_user = {name}\ndefault_internal_group = {group}"

    def _token_passdb(self) -> str:
        if not self._layout.token_info:
            return ""
        where = self.folder / "oauth2.conf"
        return f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {where}\n}}"

    def _quota(self) -> str:
        if not self._layout.quota:
            return ""
        return f"plugin {{\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:{self._layout.quota}\n}}"


@contextmanager
def dovecot(layout: DovecotLayout | None = None) -> Iterator[PrivateDovecot]:
    """Run one, in a folder that other users may enter: its processes run as several."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    found = PrivateDovecot(folder, layout)
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)
