"""Roundup, an issue tracker that takes answers to one address for everybody, and knows nothing of us.

roundup-mailgw takes a message on its standard input, and sends notifications itself. By roundup-server tests read what
became of it.
"""

import json
import re
import shutil
import subprocess
from typing import Any, NamedTuple

import httpx

from tests.support.hosts.application_site import PASSWORD, Wrapping
from tests.support.hosts.installed import as_user, own_folder, python_of
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port, listens

DOMAIN = "tracker.example.com"
ADDRESS = f"issue_tracker@{DOMAIN}"
OPEN = f"new-issue@{DOMAIN}"
_ADMINISTRATOR = "secret"
_START_SECONDS = 30.0
_PROPERTIES = ("title", "status", "priority", "assignedto", "nosy", "messages", "keyword", "superseder")
_HANDLER = """
[[handler]]
id = 20
name = "roundup"
context = "wrapped"
[handler.wrap]
application = "roundup"
address = "{address}"
from = ["roundup-admin@{domain}"]
open = ["{open}"]
[handler.delivery]
type = "command"
argv = {argv}
"""
Issue = dict[str, Any]  # what Roundup's REST shows: properties by name


class Note(NamedTuple):
    """A message of an issue: who wrote it, as Roundup sees it, and what."""

    author: str
    text: str


class Roundup:
    """A tracker that sends its mail at 127.0.0.1 ``port``, with a login; ``people`` have accounts at example.com."""

    def __init__(self, port: int, people: tuple[str, ...]) -> None:
        self._port, self._web_port = port, free_port()
        self._people = people
        self._folder = own_folder("roundup")
        self._python = python_of("roundup", self._folder)
        self._tracker = self._folder / "tracker"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> "Roundup":
        """Make the tracker and the accounts, and start its web server."""
        settings = {
            "tracker_name": "Tracker", "tracker_web": f"{self._web}/", "mail_domain": DOMAIN,
            "mail_host": "127.0.0.1", "mail_port": self._port,
            "mail_username": "roundup@example.com", "mail_password": PASSWORD,
            # What docs/applications/roundup.md asks for.
            "nosy_email_sending": "multiple", "mailgw_subject_content_match": "never",
            "mailgw_subject_updates_title": "no", "web_registration_delay": 0,
        }  # fmt: skip
        self._admin("install", "classic", "sqlite", ",".join(f"{name}={value}" for name, value in settings.items()))
        self._admin("initialise", _ADMINISTRATOR)
        for name in self._people:
            self._admin("create", "user", f"username={name}", f"address={name}@example.com", "roles=User")
        with open(self._folder / "log", "ab") as log:
            self._server = subprocess.Popen(
                [self._python, "-m", "roundup.scripts.roundup_server", "-n", "127.0.0.1", "-p", str(self._web_port),
                 f"tracker={self._tracker}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **as_user(),  # type: ignore[call-overload]
            )  # fmt: skip
        wait_until(lambda: listens(self._web_port), _START_SECONDS, "Roundup's web server listens")
        return self

    def stop(self) -> None:
        """End it, and forget it. The gateway ends with each message."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def wrapping(self) -> Wrapping:
        """How it is wrapped."""
        argv = json.dumps(self._gateway)
        handler = _HANDLER.format(address=ADDRESS, domain=DOMAIN, open=OPEN, argv=argv)
        return Wrapping("roundup", handler, DOMAIN)

    @property
    def _web(self) -> str:
        return f"http://127.0.0.1:{self._web_port}/tracker"

    @property
    def _gateway(self) -> list[str]:
        return [str(self._python), "-m", "roundup.scripts.roundup_mailgw", str(self._tracker)]

    def configure(self, option: str, value: str) -> None:
        """Give an option of config.ini, whose name stands once there, another value; the gateway reads it each time."""
        path = self._tracker / "config.ini"
        text, count = re.subn(rf"(?m)^{option} = .*$", f"{option} = {value}", path.read_text())
        assert count == 1, option
        path.write_text(text)

    def take(self, message: bytes) -> None:
        """Hand a message to its gateway, as a site does that has nothing in front of it."""
        subprocess.run(self._gateway, input=message, check=True, capture_output=True, cwd="/", **as_user())  # type: ignore[call-overload]

    def issues(self) -> list[Issue]:
        """All issues, the oldest first, each with all that could be changed on it."""
        return self._all("issue", _PROPERTIES)

    def notes(self, issue: Issue) -> list[Note]:
        """The messages of an issue, the oldest first."""
        messages = {entry["id"]: entry for entry in self._all("msg", ("author", "content"))}
        wanted = sorted((one["id"] for one in issue["messages"]), key=int)
        return [Note(messages[number]["author"]["username"], messages[number]["content"]) for number in wanted]

    def users(self) -> set[str]:
        """The addresses of all accounts."""
        return {entry["address"] for entry in self._all("user", ("address",))}

    def _all(self, kind: str, properties: tuple[str, ...]) -> list[Issue]:
        """Ask its REST interface."""
        answer = httpx.get(
            f"{self._web}/rest/data/{kind}",
            params={"@fields": ",".join(properties), "@verbose": "3"},
            auth=("admin", _ADMINISTRATOR),
            headers={"X-Requested-With": "rest"},
            timeout=60,
        )
        found: list[Issue] = answer.raise_for_status().json()["data"]["collection"]
        return sorted(found, key=lambda entry: int(entry["id"]))

    def register(self, name: str) -> None:
        """Ask for an account at example.com on its web page, as a person does."""
        page = f"{self._web}/user?@template=register"
        with httpx.Client(timeout=60, follow_redirects=True) as browser:
            token = re.findall(r'name="@csrf"[^>]*value="([^"]+)"', browser.get(page).text)[0]
            form = {
                "@csrf": token, "@action": "register", "@template": "register",
                "@required": "username,password,address",
                "username": name, "password": "x", "@confirm@password": "x", "address": f"{name}@example.com",
            }  # fmt: skip
            browser.post(f"{self._web}/user", data=form, headers={"Referer": page}).raise_for_status()

    def follow(self, link: str) -> None:
        """Open a link of a notice, as a person does."""
        httpx.get(link, timeout=60, follow_redirects=True).raise_for_status()

    def _admin(self, *words: str) -> None:
        command = [str(self._python), "-m", "roundup.scripts.roundup_admin", "-i", str(self._tracker), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **as_user())  # type: ignore[call-overload]
        assert done.returncode == 0, (words, done.stdout, done.stderr)
