"""Mailman 3, which confirms by an answer to an address with a key, and knows nothing of us.

Its master runs in the foreground here: a process group of its own, which is ended by its id, also when we are killed.
"""

import os
import shutil
import signal
import smtplib
import subprocess
import sys

import httpx

from tests.support.hosts.application_site import PASSWORD, Wrapping
from tests.support.hosts.installed import as_user, own_folder, python_of
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port, listens

DOMAIN = "lists.example.com"
LIST = f"dev@{DOMAIN}"
_LIST_ID = f"dev.{DOMAIN}"
_START_SECONDS = 90.0
_STOP_SECONDS = 20.0
_SETTINGS = """
[mailman]
site_owner: owner@example.com
layout: here

[paths.here]
var_dir: {folder}/var

[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: 127.0.0.1
smtp_port: {smtp}
smtp_user: mailman@example.com
smtp_pass: {password}
lmtp_host: 127.0.0.1
lmtp_port: {lmtp}

[webservice]
hostname: 127.0.0.1
port: {rest}
admin_user: admin
admin_pass: {password}
workers: 1

[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:///{folder}/mailman.db
"""
_HANDLER = """
[[handler]]
id = 21
name = "mailman"
context = "wrapped"
[handler.wrap]
application = "mailman"
address = "{{any}}-confirm+{{key}}@{domain}"
from = ["dev-bounces@{domain}"]
[handler.delivery]
type = "lmtp"
address = "inet:{lmtp}@127.0.0.1"
"""
# Ends the group when we are gone, also by SIGKILL.
_GUARD = """
import os, signal, sys
sys.stdin.read()
try:
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
except ProcessLookupError:
    pass
"""


class Mailman:
    """A Mailman with one list, LIST, that sends its mail at 127.0.0.1 ``port``, with a login."""

    def __init__(self, port: int) -> None:
        self.lmtp_port, self._rest_port = free_port(), free_port()
        self._folder = own_folder("mailman")
        self._python = python_of("mailman", self._folder)
        self._log = self._folder / "log"
        self._settings = self._folder / "mailman.cfg"
        self._settings.write_text(
            _SETTINGS.format(
                folder=self._folder, smtp=port, lmtp=self.lmtp_port, rest=self._rest_port, password=PASSWORD
            )
        )
        self._master: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def wrapping(self) -> Wrapping:
        """How it is wrapped: what is no confirmation goes to Mailman by the MTA, as ever."""
        handler = _HANDLER.format(domain=DOMAIN, lmtp=self.lmtp_port)
        return Wrapping("mailman", handler, DOMAIN, f"lmtp:inet:[127.0.0.1]:{self.lmtp_port}")

    def start(self) -> "Mailman":
        """Start it, wait until it answers, and make the list."""
        with open(self._log, "ab") as log:
            self._master = subprocess.Popen(
                [self._python, self._python.with_name("master"), "-C", self._settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, start_new_session=True,
                env={"PATH": f"{self._python.parent}:/usr/bin:/bin", "HOME": str(self._folder), "LC_ALL": "C.UTF-8"},
                **as_user(),  # type: ignore[call-overload]
            )  # fmt: skip
        self._guard = subprocess.Popen(
            [sys.executable, "-c", _GUARD, str(self._master.pid)], stdin=subprocess.PIPE, start_new_session=True
        )
        wait_until(self._is_up, _START_SECONDS, "Mailman answers at its REST and LMTP ports")
        self.rest("domains", mail_host=DOMAIN)
        self.rest("lists", fqdn_listname=LIST)
        return self

    def _is_up(self) -> bool:
        assert self._master is not None
        assert self._master.poll() is None, self._log.read_text()[-2000:]
        return all(map(listens, (self.lmtp_port, self._rest_port)))

    def stop(self) -> None:
        """End it with all its runners, and forget it."""
        if self._master is not None:
            self._master.send_signal(signal.SIGTERM)
            try:
                self._master.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._master.pid, signal.SIGKILL)
                self._master.wait()
        if self._guard is not None:
            self._guard.communicate()  # it ends what is left of the group
        shutil.rmtree(self._folder, ignore_errors=True)

    def subscribe(self, address: str) -> None:
        """Ask for a subscription: Mailman sends ``address`` a notice that wants an answer."""
        self.rest("members", list_id=_LIST_ID, subscriber=address)

    def write_template(self, name: str, text: str) -> None:
        """Put a text of the site's own in the place of one of Mailman's, as an operator does."""
        folder = self._folder / "var/templates/site/en"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(text)

    def members(self) -> set[str]:
        """The addresses that are subscribed."""
        return {entry["email"] for entry in self.rest(f"lists/{_LIST_ID}/roster/member").get("entries", [])}

    def waiting(self) -> dict[str, str]:
        """Keys of subscriptions that nobody has confirmed yet, by address."""
        entries = self.rest(f"lists/{_LIST_ID}/requests?token_owner=subscriber").get("entries", [])
        return {entry["email"]: entry["token"] for entry in entries}

    def take(self, message: bytes, recipient: str, sender: str) -> None:
        """Hand a message to it over LMTP, as a site does that has nothing in front of it."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=30) as client:
            client.sendmail(sender, [recipient], message)

    def is_idle(self) -> bool:
        """Whether it has nothing left to look at or to send: its queues are files; one that it looks at is renamed."""
        return not [*(self._folder / "var/queue").glob("*/*")]

    def rest(self, path: str, **form: str) -> dict[str, list[dict[str, str]]]:
        """Ask its REST interface; with ``form``, POST it."""
        answer = httpx.request(
            "POST" if form else "GET",
            f"http://127.0.0.1:{self._rest_port}/3.1/{path}",
            data=form or None,
            auth=("admin", PASSWORD),
            timeout=60,
        )
        assert answer.is_success, (path, answer.status_code, answer.text)
        read: dict[str, list[dict[str, str]]] = answer.json() if answer.content else {}
        return read
