"""The daemon alone, without an MTA: one worker, and its socket in a folder of the test's."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.adapters.os.clock import WallClock
from reply_milter.cli.init import write_files
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.wiring.stores import load
from tests.support.processes.daemon_process import USER, DaemonProcess
from tests.support.processes.engine import ENGINE
from tests.wire.milter_client import Place

DOMAIN = "reply.example.com"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that the daemon's user can reach: pytest's own are for root alone."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-wire-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


class Milter:
    """``folder`` is one that the daemon's user can reach. ``port``: listen there over TCP, not on a unix socket.

    ``changes``: replacements in the configuration that ``init`` writes. ``engine``: as in ``[verify]``.
    """

    def __init__(
        self, folder: Path, port: int = 0, changes: dict[str, str] | None = None, engine: str = ENGINE
    ) -> None:
        self.folder = folder
        self.place: Place = ("127.0.0.1", port) if port else folder / "verify.sock"
        write_files(folder / "etc", DOMAIN, DOMAIN, str(folder / "state"))
        self.config = folder / "etc" / "reply-milter.toml"
        self.socket = folder / "verify.sock"
        text = self.config.read_text().replace("/var/spool/postfix/reply-milter/verify.sock", str(self.socket))
        if port:
            text = text.replace(f"unix:{self.socket}", f"inet:{port}@127.0.0.1")
        for old, new in (changes or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        text = text.replace('socket_group = "postfix"', 'socket_group = ""').replace('"127.0.0.1:9797"', '""')
        text = text.replace('engine = "pymilter"', f'engine = "{engine}"')
        text = text.replace("timeout_ms = 200 ", "timeout_ms = 2000 ")  # a loaded machine is no slow store
        self.config.write_text(text.replace("workers = 0", "workers = 1"))
        for path in (folder, folder / "etc", *(folder / "etc").iterdir()):
            if os.geteuid() == 0:
                os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
        self.daemon = DaemonProcess(self.config, None if port else self.socket, folder / "daemon.log")

    def mint(self, **order: object) -> MintedAddress:
        """An address of the handler ``issue``, bound to Alice."""
        return next(self.mint_many(1, **order))

    def mint_many(self, count: int, **order: object) -> Iterator[MintedAddress]:
        """So many addresses like that; the configuration is read once."""
        settings = load(str(self.config))
        handler = settings.config.handlers.named("issue")
        assert handler is not None
        wanted = {"user": 42, "locator": "wire/1", "recipient": "alice@client.example", **order}
        for _ in range(count):
            made = Order(now=WallClock().now(), **{"unique": os.urandom(4).hex(), **wanted})  # type: ignore[arg-type]
            yield mint(made, handler, settings.keyring, settings.config.form)
