"""The daemon without an MTA, for faults of its store and its clock: retrying clients speak to its socket themselves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load
from tests.faults.clients import MilterClient
from tests.faults.letters import letters
from tests.faults.retrying import Load
from tests.support.processes.engine import ENGINE
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.wire.milter_alone import Milter, own_folder


class Alone:
    """``milter`` runs; ``settings`` are those that it was started with."""

    def __init__(self, milter: Milter) -> None:
        self.milter = milter
        self.settings: Settings = load(str(milter.config))

    def client(self, timeout: float = 15.0) -> MilterClient:
        """Return a client of the milter socket."""
        return MilterClient(self.milter.socket, self.settings.seal_keys, timeout)

    def poured(
        self, name: str, wanted: int, clients: int = 8, go_on: Callable[[], bool] | None = None, patience: float = 90.0
    ) -> Load:
        """Start a load, and return it."""
        return Load(self.client, letters(self.settings, name, wanted, go_on), clients, patience).start()

    def change(self, old: str, new: str) -> None:
        """Change the configuration and reload."""
        configure(self.milter, old, new)
        self.milter.daemon.reload()


def configure(milter: Milter, old: str, new: str) -> None:
    """Change the present configuration."""
    text = milter.config.read_text()
    assert old in text, old
    milter.config.write_text(text.replace(old, new))


@contextmanager
def alone(
    store_url: str = "",
    workers: int = 2,
    prepare: Callable[[Milter], None] = lambda _: None,
    engine: str = ENGINE,
) -> Iterator[Alone]:
    """A daemon with 200 ms of patience with ``store_url`` (its own store, if empty), ended with the block."""
    with own_folder() as folder:
        milter = Milter(folder, engine=engine)
        configure(milter, "workers = 1", f"workers = {workers}")
        configure(milter, "timeout_ms = 2000 ", "timeout_ms = 200 ")
        if store_url:
            configure(milter, 'url = "embedded"', f'url = "{store_url}"')
        prepare(milter)
        milter.daemon.start()
        try:
            yield Alone(milter)
        finally:
            milter.daemon.stop()


@contextmanager
def own_redis(*settings: str) -> Iterator[RedisUnderTest]:
    """A Redis with an append-only file, that the daemon's user may use."""
    with own_folder() as folder:
        server = RedisUnderTest(Path(folder), "--appendonly", "yes", "--unixsocketperm", "777", *settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()
