"""A mail host that holds every kind of secret, and all that its processes write, show or leave behind."""

import base64
import contextlib
import os
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import redis

from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.receiver import SECRET
from tests.support.processes.daemon_process import USER
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.wire.milter_client import Answer, Mta

FAILING = Path(__file__).parents[1] / "faults" / "failing_callbacks.py"
STEPS = ("mail", "rcpt", "header", "body", "end_of_message", "done", "abort")
STORE_PASSWORD = "hunter2-of-the-store"  # noqa: S105 # of these tests alone
URL_PASSWORD = "hunter2-in-the-url"  # noqa: S105
LOGIN = "shop-application"
APPLICATION_SECRET = "hunter2+of/the=application"  # noqa: S105
_SIGN = """
[[sign.application]]
name = "shop"
handlers = ["issue"]
logins = ["shop-application"]
secret_file = "application.secret"
"""


class WatchedSite:
    """A host with a Redis that asks for a password, a webhook with two, and sign mode; every step fails if told so.

    ``form``: of the log, text or json; at level debug, whose lines hold the most.
    """

    def __init__(self, form: str) -> None:
        self.delivery = DeliverySite()
        self.site = self.delivery.site
        self.addresses: set[str] = set()
        self.tokens: set[str] = set()
        self.failing = self.site.folder / "failing"
        self._redis_folder = self.site.folder / "r"
        self._redis_folder.mkdir(mode=0o755)
        self.redis = RedisUnderTest(self._redis_folder, "--unixsocketperm", "777")
        self._settings(form)
        self._fails_on_demand()

    def _settings(self, form: str) -> None:
        sign = self.site.mta.socket_folder / "sign.sock"
        store = f"unix://:{STORE_PASSWORD}@{self.redis.socket}"
        url = self.delivery.receiver.url
        for old, new in (
            ('url = "embedded"', f'url = "{store}"'), ('level = "info"', 'level = "debug"'),
            ('format = "text" ', f'format = "{form}" '), (url, url.replace("//", f"//hook:{URL_PASSWORD}@")),
            ("[store]", f'[sign]\nsocket = "unix:{sign}"\n{_SIGN}\n[store]'), ("workers = 0", "workers = 1"),
        ):  # fmt: skip
            self.site.replace_in_settings(old, new)
        secret = self.site.config.parent / "application.secret"
        secret.write_text(APPLICATION_SECRET)
        secret.chmod(0o600)
        shutil.chown(secret, USER)

    def _fails_on_demand(self) -> None:
        program = self.site.folder / FAILING.name
        program.write_bytes(FAILING.read_bytes())
        self.failing.write_text("maintain")  # the hook looks after parked replies at its start
        self.site.daemon.program = [str(program)]
        self.site.daemon.environment["FAILING"] = str(self.failing)

    def start(self) -> "WatchedSite":
        """Start everything."""
        self.redis.start()
        self.redis.command("CONFIG", "SET", "requirepass", STORE_PASSWORD)
        self.delivery.start()
        return self

    def stop(self) -> None:
        """End everything."""
        self.delivery.stop()
        self.redis.stop()

    def mint(self, name: str, days_ago: int = 0) -> MintedAddress:
        """Mint an address for an author with that name."""
        author = f"{name}@client.example"
        minted = self.site.mint(locator=f"secrets/{name}", recipient=author, days_ago=days_ago)
        self.addresses |= {author, minted.address}
        self.tokens.add(minted.address.partition("@")[0].partition("+")[2])
        return minted

    @contextlib.contextmanager
    def fails(self, step: str) -> Iterator[None]:
        """While this lasts, the step raises."""
        self.failing.write_text(step)
        yield
        self.failing.write_text("")

    def submit(self, request: str) -> Answer:
        """What a logged-in application hands in, and is answered in sign mode."""
        self.addresses |= {"shop@example.com", "jane@example.org"}
        with Mta(self.site.mta.socket_folder / "sign.sock") as mta:
            mta.connect("192.0.2.1")
            mta.macros(b"M", auth_authen=LOGIN)
            mta.mail("<shop@example.com>")
            mta.rcpt("<jane@example.org>", "jane@example.org")
            mta.header("X-Reply-Mint", request)
            return mta.end_of_message()

    def doctor(self) -> str:
        """All that it says, as text and as JSON."""
        said = b""
        for words in ((), ("--json",)):
            command = [sys.executable, "-m", "reply_milter", "doctor", "--config", str(self.site.config), *words]
            done = subprocess.run(command, capture_output=True, cwd="/", check=False)
            said += done.stdout + done.stderr
        return said.decode()

    def processes(self) -> str:
        """What ``ps`` would show to anybody, and the environment, of all processes of the daemon."""
        return "\n".join(
            (Path(f"/proc/{pid}") / name).read_text(errors="replace").replace("\0", " ")
            for pid in _tree(self.site.daemon.pid)
            for name in ("cmdline", "environ")
        )

    def metrics(self) -> str:
        """The page as it is."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.site.metrics_port}/metrics", timeout=5) as page:
            return str(page.read().decode())

    def store(self) -> str:
        """All that the store holds, keys and values. (Addresses that are put on file would be values.)"""
        with redis.Redis(unix_socket_path=str(self.redis.socket), password=STORE_PASSWORD) as client:
            hashes = [key for key in client.scan_iter() if client.type(key) == b"hash"]
            return repr(client.keys()) + "".join(repr(client.hgetall(key)) for key in hashes)

    def secrets(self) -> dict[str, str]:
        """What must stand nowhere, by what it is."""
        etc = self.site.config.parent
        (master,) = (key["secret"] for key in tomllib.loads((etc / "keys.toml").read_text())["key"])
        seal = next(line for line in (etc / "seal.key").read_text().splitlines() if not line.startswith("#"))
        found = {"webhook secret": SECRET.removeprefix("whsec_"), "store password": STORE_PASSWORD}
        for name, text in (("master key", master), ("seal key", seal)):
            octets = bytes.fromhex(text)
            found |= {name: text, f"{name}, base64": base64.b64encode(octets).decode(), f"{name}, octets": repr(octets)}
        found["webhook secret, octets"] = repr(base64.b64decode(found["webhook secret"]))
        found |= {f"token {number}": token for number, token in enumerate(sorted(self.tokens))}
        found |= {f"address {address}": address for address in self.addresses}
        return {**found, "url password": URL_PASSWORD, "application": APPLICATION_SECRET}


def _tree(pid: int) -> Iterator[int]:
    """``pid`` and all below it."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            yield from _tree(int(child))


def texts_in(folder: Path) -> str:
    """All files below ``folder``, as far as they are text."""
    found = ""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and os.access(path, os.R_OK):
            found += path.read_text(errors="replace")
    return found
