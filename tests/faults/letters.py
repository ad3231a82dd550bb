"""What a load is made of: genuine replies, numbered, each to an address of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from reply_milter.adapters.os.clock import WallClock
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.wiring.settings import Settings
from tests.support.hosts.site_under_test import reply


@dataclass(frozen=True, slots=True)
class Letter:
    """Message ``seq`` of a load; ``name`` is in its X-Seq and Message-ID."""

    seq: int
    name: str
    minted: MintedAddress

    @property
    def message(self) -> bytes:
        """As it goes over SMTP after DATA, without the final dot."""
        return reply(self.minted, self.name)


def letters(
    settings: Settings, name: str, wanted: int, go_on: Callable[[], bool] | None = None, later: int = 0
) -> Iterator[Letter]:
    """At least ``wanted`` replies, and more while ``go_on`` says so, to notifications of ``later`` seconds from now."""
    handler = settings.config.handlers.named("issue")
    assert handler is not None
    now = WallClock().now() + later
    for seq in count():
        if seq >= wanted and (go_on is None or not go_on()):
            return
        order = Order(seq, now, locator=f"load/{seq}", recipient="alice@client.example", unique=name.replace("-", ""))
        yield Letter(seq, f"{name}-{seq}", mint(order, handler, settings.keyring, settings.config.form))
