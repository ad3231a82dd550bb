"""Messages as an MTA sends them to a milter: packets in a file, which the load generator replays.

All are of about 2 kB, with the header fields and macros that Postfix gives, or 5 kB with 25 fields. Replies are each of
another user, to an address of its own: nothing that is cached for one helps the next.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fields import ALICE, fields, many_fields
from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.wiring.settings import Settings

_BODY = b"This is a line of a reply, of some seventy octets, as people write.\r\n" * 22


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. ``answers``: the Message-ID of the notification, without brackets; may be empty."""

    number: int
    to: str
    answers: str = ""


def ordinary(count: int) -> Iterator[Letter]:
    """Make mail to other recipients, which the milter must not change."""
    return (Letter(number, f"user{number % 1000}@example.com") for number in range(count))


def replies(settings: Settings, first: int, count: int, now: int) -> Iterator[Letter]:
    """Make genuine replies to notifications that were sent at ``now`` (Unix seconds); numbered from ``first``."""
    for number in range(first, first + count):
        minted = _notification(settings, number, now)
        yield Letter(number, minted.address, minted.message_id)


def forged(settings: Settings, count: int, now: int) -> Iterator[Letter]:
    """Make mail to addresses with a wrong checksum."""
    for number in range(count):
        local, at = _notification(settings, number, now).address.split("@")
        yield Letter(number, f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{at}")


def write(path: Path, letters: Iterable[Letter], many: bool = False) -> None:
    """Write the packets of ``letters``; ``many``: with 25 header fields each."""
    with open(path, "wb") as file:
        for letter in letters:
            file.write(packets(letter, many))


def _notification(settings: Settings, number: int, now: int) -> MintedAddress:
    """Mint for user ``number``, about an issue of its own."""
    order = Order(number, now, locator=f"shop/orders/issue/{number}", recipient=ALICE, unique="k3f9")
    return mint(order, settings.config.handlers.by_id[1], settings.keyring, settings.config.form)


def packets(letter: Letter, many: bool = False, body: bytes = _BODY) -> bytes:
    """All that Postfix would say of one message to a milter that declines nothing; ``body`` is a single chunk of it."""
    queue = f"4B{letter.number:08X}"
    local, _, domain = letter.to.partition("@")
    found = (many_fields if many else fields)(letter.number, letter.to, letter.answers, queue)
    parts = [
        *_command("M", f"<{ALICE}>", "SIZE=2300", **_mailer("mail", ALICE, "client.example")),
        *_command("R", f"<{letter.to}>", **_mailer("rcpt", f"{local.lower()}@{domain}", domain)),
        *_command("T", i=queue),
    ]
    for name, value in found:
        parts += _command("L", name, value, i=queue)
    parts += [*_command("N", i=queue), _packet("D", b"B" + _strings("i", queue)), _packet("B", body)]
    return b"".join([*parts, *_command("E", i=queue)])


def _mailer(stage: str, address: str, host: str) -> dict[str, str]:
    return {f"{{{stage}_addr}}": address, f"{{{stage}_host}}": host, f"{{{stage}_mailer}}": "smtp"}


def _command(letter: str, *arguments: str, **macros: str) -> list[bytes]:
    """Return a command after its macros, as Postfix sends them."""
    named = (part for pair in macros.items() for part in pair)
    return [_packet("D", letter.encode() + _strings(*named)), _packet(letter, _strings(*arguments))]


def _strings(*values: str) -> bytes:
    return b"".join(value.encode() + b"\0" for value in values)


def _packet(letter: str, data: bytes) -> bytes:
    return struct.pack("!I", len(data) + 1) + letter.encode() + data
