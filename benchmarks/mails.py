"""Messages as an MTA sends them to a milter: packets in a file, which the load generator replays.

All have about 2 kB, with the header fields and macros that Postfix gives. Each reply has another user and address, so
that caches do not help.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reply_milter.core.token.mint import MintedAddress, Order, mint
from reply_milter.wiring.settings import Settings

ALICE = "alice@client.example"
_BODY = b"This is a line of a reply, of some seventy octets, as people write.\r\n" * 22
_RECEIVED = (
    "from client.example (client.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)"
    "\n\tby mx.example.com (Postfix) with ESMTPS id {queue}\n\tfor <{to}>; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)"
)


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


def write(path: Path, letters: Iterable[Letter]) -> None:
    """Write the packets of ``letters``."""
    with open(path, "wb") as file:
        for letter in letters:
            file.write(_packets(letter))


def _notification(settings: Settings, number: int, now: int) -> MintedAddress:
    """Mint for user ``number``, about an issue of its own."""
    order = Order(number, now, locator=f"shop/orders/issue/{number}", recipient=ALICE, unique="k3f9")
    return mint(order, settings.config.handlers.by_id[1], settings.keyring, settings.config.form)


def _packets(letter: Letter) -> bytes:
    queue = f"4B{letter.number:08X}"
    local, _, domain = letter.to.partition("@")
    parts = [
        *_command("M", f"<{ALICE}>", "SIZE=2300", **_mailer("mail", ALICE, "client.example")),
        *_command("R", f"<{letter.to}>", **_mailer("rcpt", f"{local.lower()}@{domain}", domain)),
        *_command("T", i=queue),
    ]
    parts += [_packet("L", _strings(name, value)) for name, value in _fields(letter, queue)]
    parts += [*_command("N", i=queue), _packet("B", _BODY), *_command("E", i=queue)]
    return b"".join(parts)


def _fields(letter: Letter, queue: str) -> list[tuple[str, str]]:
    answers = [("In-Reply-To", f"<{letter.answers}>"), ("References", f"<{letter.answers}>")] if letter.answers else []
    return [
        ("Received", _RECEIVED.format(queue=queue, to=letter.to)),
        ("Message-ID", f"<{letter.number}.{queue}@client.example>"),
        ("Date", "Tue, 24 Nov 2026 10:00:00 +0000"),
        ("MIME-Version", "1.0"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0"),
        ("Subject", "Re: [shop/orders] A parcel is missing"),
        ("Content-Language", "en-GB"),
        ("To", letter.to),
        *answers,
        ("From", f"Alice Example <{ALICE}>"),
        ("Content-Type", "text/plain; charset=UTF-8; format=flowed"),
        ("Content-Transfer-Encoding", "8bit"),
    ]


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
