"""The measured milters, each in its own folder; the benchmark ends them.

OpenDKIM only verifies, and the messages bear no signature; Rspamd has no module at all, or two. Both are Debian's, and
do less here than they would on a mail host.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from benchmarks import processes
from benchmarks.generator import Generator
from benchmarks.negotiated import listens, port_of, steps_of
from benchmarks.processes import Tree, wait_until
from benchmarks.rspamd import SentMessages, configure
from reply_milter.cli import init
from reply_milter.config.verify import Engine
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, store_url

DOMAIN = "reply.example.com"
_OPENDKIM = """\
Mode v
Socket local:{folder}/milter.sock
Syslog no
Background no
UserID opendkim
UMask 000
PidFile {folder}/pid
"""


class Filter:
    """A milter that runs, and listens on ``socket``: a path, or ``inet:PORT``. The last of ``trees`` is its own."""

    def __init__(self, trees: Sequence[Tree], socket: str) -> None:
        self._trees = trees
        self.socket = socket

    def ready(self) -> "Filter":
        """Wait until it listens."""
        wait_until(self._listens, f"{self.socket} answers")
        return self

    def _listens(self) -> bool:
        if not self._trees[-1].alive():
            raise processes.BenchmarkError(f"the milter of {self.socket} ended by itself; see its milter.log")
        return listens(self.socket)

    def _pids(self) -> list[int]:
        return [pid for tree in self._trees for pid in tree.pids()]

    def pids(self) -> list[int]:
        """Its own processes, without a Redis."""
        return [pid for pid in self._pids() if processes.name(pid) != "redis-server"]

    def stores(self) -> list[int]:
        """Its Redis, if it has one."""
        return [pid for pid in self._pids() if processes.name(pid) == "redis-server"]

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

    def ready(self) -> "Ours":
        """Wait until it listens."""
        self.filter.ready()
        return self

    def used_memory(self) -> int:
        """Return the bytes that Redis uses."""
        return int(self.store.info("memory")["used_memory"])


class Bench:
    """Starts filters below ``folder``; ``stack`` ends them. Who needs one waits until it is ready.

    ``compiled``: the folder of ``make compiled``, if there is one.
    """

    def __init__(self, folder: Path, stack: ExitStack, compiled: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # the folders around it are the caller's
        self.folder = folder
        self.stack = stack
        self.compiled = compiled
        self.generator = Generator(folder)
        self._keys = folder / "keys.toml"  # all of ours know the same addresses
        self._trees: list[Tree] = []

    def null(self, like: Filter, early: bool = False, socket: Path | None = None) -> Filter:
        """A milter in C that says yes, with the steps and the kind of socket of ``like``: the generator's ceiling.

        ``early``: it accepts at DATA, if it hears it.
        """
        folder = self._place("null", "root")
        address = self._address(folder, port_of(like.socket) is not None, socket)
        tree = self.generator.null_responder(address, steps_of(like.ready().socket), early)
        return Filter([self._ending(tree)], address)

    def empty_pymilter(self, kind: str, workers: int) -> Filter:
        """A milter on pymilter that does nothing."""
        folder = self._place(f"empty-{kind}", "root")
        script = str(Path(__file__).with_name("empty_pymilter.py"))
        return self._start([sys.executable, script, kind, str(folder / "milter.sock"), str(workers)], folder)

    def opendkim(self) -> Filter:
        """Start OpenDKIM: one process, with any number of threads."""
        folder = self._place("opendkim", "opendkim")
        (folder / "opendkim.conf").write_text(_OPENDKIM.format(folder=folder))
        return self._start([_program("opendkim"), "-f", "-x", str(folder / "opendkim.conf")], folder)

    def rspamd(self, workers: int) -> Filter:
        """Rspamd's milter with scanning in itself, and nothing to scan for."""
        folder = self._place("rspamd", "_rspamd")
        return self._start(_rspamd_command(configure(folder, workers, replies=False)), folder)

    def rspamd_replies(self, workers: int) -> tuple[Filter, SentMessages]:
        """Rspamd that looks for replies in a Redis of its own, and adds a header field."""
        folder = self._place("rspamd-replies", "_rspamd")
        configured = configure(folder, workers, replies=True)
        store = self._tree([_program("redis-server"), str(folder / "redis.conf")], folder)
        wait_until((folder / "redis.sock").exists, "the Redis of Rspamd listens")
        sent = SentMessages(folder)
        self.stack.callback(sent.close)
        return self._start(_rspamd_command(configured), folder, before=[store]), sent

    def ours(
        self,
        workers: int,
        socket: Path | None = None,
        module: str = "reply_milter",
        tcp: bool = False,
        early: bool = False,
        engine: Engine = Engine.PYMILTER,
        compiled: bool = False,
    ) -> Ours:
        """reply-milter as ``init`` sets it up, or what ``module`` makes of it."""
        folder = self._place("reply-milter", "root")
        address = self._address(folder, tcp, socket)
        config = self._configured(folder, address, workers, early, engine)
        command = [sys.executable, "-m", module, "run", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(self.compiled)} if compiled else None
        running = self._start(command, folder, address, environment=environment)
        settings = load(str(config))
        store = redis.Redis.from_url(store_url(settings.config))
        self.stack.callback(store.close)
        return Ours(running, settings, store)

    def _configured(self, folder: Path, address: str, workers: int, early: bool, engine: Engine) -> Path:
        init.write_files(folder / "etc", DOMAIN, DOMAIN, str(folder / "state"))
        keys = folder / "etc/keys.toml"
        shutil.copyfile(*((self._keys, keys) if self._keys.exists() else (keys, self._keys)))
        config = folder / "etc/reply-milter.toml"
        port = port_of(address)
        place = f"unix:{address}" if port is None else f"inet:{port}@127.0.0.1"
        text = config.read_text().replace("unix:/var/spool/postfix/reply-milter/verify.sock", place)
        text = re.sub(r"(?m)^workers = \d+", f"workers = {workers}", text).replace('"127.0.0.1:9797"', '""')
        if early:
            text = re.sub(r"(?m)^accept_early *=.*\n", "", text).replace(
                "[verify]\n", "[verify]\naccept_early = true\n", 1
            )
        config.write_text(re.sub(r'(?m)^engine = "\w+"', f'engine = "{engine}"', text))
        return config

    def _address(self, folder: Path, tcp: bool, socket: Path | None = None) -> str:
        return f"inet:{processes.free_port()}" if tcp else str(socket or folder / "milter.sock")

    def _place(self, name: str, user: str) -> Path:
        folder = self.folder / name
        number = 1
        while folder.exists():
            number += 1
            folder = self.folder / f"{name}-{number}"
        folder.mkdir(mode=0o755)
        shutil.chown(folder, user)
        return folder

    def _tree(self, command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> Tree:
        return self._ending(Tree(command, folder / "milter.log", environment))

    def _ending(self, tree: Tree) -> Tree:
        self._trees.append(tree)
        self.stack.callback(tree.stop)
        return tree

    def terminate(self) -> None:
        """Ask all that run to end, before ``stack`` waits for one after the other."""
        for tree in self._trees:
            tree.terminate()

    def _start(
        self,
        command: Sequence[str],
        folder: Path,
        socket: str = "",
        before: Sequence[Tree] = (),
        environment: dict[str, str] | None = None,
    ) -> Filter:
        return Filter([*before, self._tree(command, folder, environment)], socket or str(folder / "milter.sock"))


@contextmanager
def bench(folder: Path, compiled: Path | None = None) -> Iterator[Bench]:
    """Yield a ``Bench``; end every filter that it started."""
    with ExitStack() as stack:
        started = Bench(folder, stack, compiled)
        try:
            yield started
        finally:
            started.terminate()


def _rspamd_command(configuration: Path) -> list[str]:
    return [_program("rspamd"), "-f", "-c", str(configuration), "-u", "_rspamd", "-g", "_rspamd"]


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        raise processes.BenchmarkError(f"{name} is not installed: make bench installs it")
    return found
