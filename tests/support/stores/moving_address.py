"""One address that leads to a Redis, and then to another one: a balancer, or a host that took over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.stores.redis_under_test import RedisUnderTest


@dataclass
class MovingAddress:
    """``url`` leads to ``old`` until ``move``."""

    path: Path
    old: RedisUnderTest
    new: RedisUnderTest

    @property
    def url(self) -> str:
        """For a store."""
        return f"unix://{self.path}"

    def move(self) -> None:
        """Make the old server a replica, and have the address lead to the new one. Connections stay."""
        self.old.command("REPLICAOF", "127.0.0.1", "1")
        self.path.unlink()
        self.path.symlink_to(self.new.socket)


@contextmanager
def moving_address(folder: Path) -> Iterator[MovingAddress]:
    """Start both servers below ``folder``."""
    old, new = (RedisUnderTest(folder / name) for name in ("old", "new"))
    for one in (old, new):
        one.socket.parent.mkdir()
        one.start()
    address = MovingAddress(folder / "address.sock", old, new)
    address.path.symlink_to(old.socket)
    try:
        yield address
    finally:
        old.stop()
        new.stop()
