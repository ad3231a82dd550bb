"""The measured milters, each in its own folder; the benchmark ends them.

OpenDKIM only verifies, and the messages have no signature; Rspamd runs without modules. Both are Debian's, and do less
here than on a mail host.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from benchmarks import processes
from benchmarks.generator import Generator
from benchmarks.processes import Tree, wait_until
from reply_milter.cli import init
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, store_url

DOMAIN = "reply.example.com"
OURS_STEPS = 0x14C2 | 0x400  # for the null responder, the same as ours: no-reply connect, mail and header; skip
_OPENDKIM = """\
Mode v
Socket local:{folder}/milter.sock
Syslog no
Background no
UserID opendkim
UMask 000
PidFile {folder}/pid
"""
_RSPAMD = """\
options {{ filters = ""; url_tld = "{folder}/tld"; tempdir = "{folder}";
           control_socket = "{folder}/control.sock mode=0600"; dns {{ nameserver = ["127.0.0.1"]; }} }}
logging {{ type = "console"; level = "error"; }}
worker "rspamd_proxy" {{ bind_socket = "{folder}/milter.sock mode=0666"; milter = yes; timeout = 60s; count = {workers};
                         upstream "local" {{ default = yes; self_scan = yes; }} }}
"""


class Filter:
    """A running milter that listens on ``socket``."""

    def __init__(self, tree: Tree, socket: Path) -> None:
        self._tree = tree
        self.socket = socket
        wait_until(self._listens, f"{socket} answers")

    def _listens(self) -> bool:
        if not self._tree.alive():
            raise processes.BenchmarkError(f"the milter of {self.socket} ended by itself; see milter.log beside it")
        return self.socket.exists()

    def pids(self) -> list[int]:
        """Return its own processes, without a Redis."""
        return [pid for pid in self._tree.pids() if processes.name(pid) != "redis-server"]

    def stores(self) -> list[int]:
        """Return its Redis, if it has one."""
        return [pid for pid in self._tree.pids() if processes.name(pid) == "redis-server"]

    def memory(self) -> processes.Memory:
        """Return the private memory of its largest process, and the sum of all peaks."""
        found = [processes.memory(pid) for pid in self.pids()]
        return processes.Memory(max(one.private for one in found), sum(one.peak for one in found))


@dataclass(frozen=True, slots=True)
class Ours:
    """reply-milter with its embedded Redis."""

    filter: Filter
    settings: Settings
    store: "redis.Redis"

    def used_memory(self) -> int:
        """Return the bytes that Redis uses."""
        return int(self.store.info("memory")["used_memory"])


class Bench:
    """Starts filters below ``folder``; ``stack`` ends them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder, folder.parent):  # some of the programs do not run as root
            place.chmod(0o755)
        self.folder = folder
        self.stack = stack
        self.generator = Generator(folder)

    def null(self, steps: int, socket: Path | None = None) -> Filter:
        """Start the null responder, which shows the generator's own limit."""
        folder = self._place(f"null{'-postfix' if socket else ''}", "root")
        socket = socket or folder / "milter.sock"
        return self._started(self.generator.null_responder(socket, steps, 0), folder, socket)

    def empty_pymilter(self, kind: str, workers: int) -> Filter:
        """Start a milter on pymilter that does nothing."""
        folder = self._place(f"empty-{kind}-{workers}", "root")
        script = str(Path(__file__).with_name("empty_pymilter.py"))
        return self._start([sys.executable, script, kind, str(folder / "milter.sock"), str(workers)], folder)

    def opendkim(self) -> Filter:
        """Start OpenDKIM: one process, with any number of threads."""
        folder = self._place("opendkim", "opendkim")
        (folder / "opendkim.conf").write_text(_OPENDKIM.format(folder=folder))
        return self._start([_program("opendkim"), "-f", "-x", str(folder / "opendkim.conf")], folder)

    def rspamd(self, workers: int) -> Filter:
        """Start Rspamd's milter, which scans in its own process."""
        folder = self._place("rspamd", "_rspamd")
        (folder / "tld").write_text("example\n")  # compiling Rspamd's own list takes many seconds
        (folder / "rspamd.conf").write_text(_RSPAMD.format(folder=folder, workers=workers))
        who = ["-u", "_rspamd", "-g", "_rspamd"]
        return self._start([_program("rspamd"), "-f", "-c", str(folder / "rspamd.conf"), *who], folder)

    def ours(self, workers: int, socket: Path | None = None, module: str = "reply_milter") -> Ours:
        """Start reply-milter as ``init`` configures it, or ``module`` in its place."""
        folder = self._place(f"reply-milter-{workers}{'-postfix' if socket else ''}", "root")
        socket = socket or folder / "milter.sock"
        init.write_files(folder / "etc", DOMAIN, DOMAIN, str(folder / "state"))
        config = folder / "etc/reply-milter.toml"
        text = config.read_text().replace("/var/spool/postfix/reply-milter/verify.sock", str(socket))
        text = re.sub(r"(?m)^workers = \d+", f"workers = {workers}", text).replace('"127.0.0.1:9797"', '""')
        config.write_text(text)
        running = self._start([sys.executable, "-m", module, "run", "--config", str(config)], folder, socket)
        settings = load(str(config))
        store = redis.Redis.from_url(store_url(settings.config))
        self.stack.callback(store.close)
        return Ours(running, settings, store)

    def _place(self, name: str, user: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        shutil.chown(folder, user)
        return folder

    def _start(self, command: list[str], folder: Path, socket: Path | None = None) -> Filter:
        return self._started(Tree(command, folder / "milter.log"), folder, socket)

    def _started(self, tree: Tree, folder: Path, socket: Path | None = None) -> Filter:
        self.stack.callback(tree.stop)
        return Filter(tree, socket or folder / "milter.sock")


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Yield a ``Bench``; end every filter that it started."""
    with ExitStack() as stack:
        yield Bench(folder, stack)


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        raise processes.BenchmarkError(f"{name} is not installed: make bench installs it")
    return found
