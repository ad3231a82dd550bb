"""Both engines hear the same octets, and answer the same. libmilter is right where they differ."""

import contextlib
import shutil
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reply_milter.core.token.mint import MintedAddress
from tests.support.processes.engine import ENGINES
from tests.wire.milter_alone import DOMAIN, Milter, own_folder
from tests.wire.milter_client import ALL_ACTIONS, ALL_STEPS
from tests.wire.violations import LONG

pytestmark = pytest.mark.wire

EXAMPLES = 3000 if LONG else 150
Packet = tuple[bytes, bytes]
Engines = tuple[Milter, ...]


@pytest.fixture(scope="module", params=["plain", "early"])
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    """A daemon for each engine, with the same keys.

    libmilter has one table of steps a process: once a session has declined the end of the header, none needs it.
    """
    with contextlib.ExitStack() as stack:
        found: list[Milter] = []
        for engine in ENGINES:
            changes = {"accept_early = false": "accept_early = true"} if request.param == "early" else {}
            changes["forged_per_minute = 60 "] = "forged_per_minute = 0 "
            one = Milter(stack.enter_context(own_folder()), engine=engine, changes=changes)
            if found:
                for name in ("keys.toml", "seal.key"):
                    shutil.copyfile(found[0].folder / "etc" / name, one.folder / "etc" / name)
            one.daemon.start()
            stack.callback(one.daemon.stop)
            _heard(one, _octets(_offer(0x7F)))
            found.append(one)
        yield tuple(found)


def _octets(*packets: Packet) -> bytes:
    return b"".join(struct.pack("!I", len(data) + 1) + letter + data for letter, data in packets)


def _offer(steps: int = ALL_STEPS, actions: int = ALL_ACTIONS, version: int = 6) -> Packet:
    return b"O", struct.pack("!III", version, actions, steps)


def _heard(milter: Milter, octets: bytes, patience: float = 20.0) -> list[Packet]:
    """What a milter answers to ``octets`` and a QUIT, until it hangs up."""
    answers = b""
    with socket.socket(socket.AF_UNIX) as mta:
        mta.settimeout(patience)
        mta.connect(str(milter.socket))
        with contextlib.suppress(ConnectionError):
            mta.sendall(octets + _octets((b"Q", b"")))
            while piece := mta.recv(65536):
                answers += piece
    return list(_packets(answers))


def _packets(octets: bytes) -> Iterator[Packet]:
    while octets:
        (length,) = struct.unpack("!I", octets[:4])
        letter, data = octets[4:5], octets[5 : 4 + length]
        # A seal has the time and a random owner in it: its tags' names are compared.
        if letter == b"i":
            data = b";".join(tag.split(b"=")[0].strip() for tag in data.split(b";"))
        yield letter, data
        octets = octets[4 + length :]


def _agree(engines: Engines, octets: bytes) -> list[Packet]:
    oracle, loop = (_heard(one, octets) for one in engines)
    assert loop == oracle
    return loop


def _commands(minted: MintedAddress) -> dict[str, tuple[Packet, ...]]:
    """Commands with their macros, by a name for the test's report."""
    genuine, junk = minted.address, f"reply+x@{DOMAIN}"

    def rcpt(address: str, *more: bytes) -> tuple[Packet, ...]:
        macros = b"R{rcpt_mailer}\0smtp\0{rcpt_addr}\0" + address.encode() + b"\0" + b"".join(more)
        return (b"D", macros), (b"R", f"<{address}>".encode() + b"\0")

    return {
        "connect": ((b"C", b"client.example\x004\0\x19192.0.2.1\0"),),
        "connect6": ((b"C", b"client.example\x006\0\x19IPv6:2001:DB8::0001\0"),),
        "connect unknown": ((b"C", b"localhost\0U"),),
        "helo": ((b"H", b"client.example\0"),),
        "mail": ((b"D", b"Mi\0Q1\0"), (b"M", b"<alice@client.example>\0SIZE=5\0")),
        "mail null": ((b"M", b"<>\0"),),
        "genuine": rcpt(genuine),
        "junk": rcpt(junk, b"i\0Q2\0"),
        "other": rcpt("bob@example.com"),
        "local": ((b"D", b"R{rcpt_addr}\0" + junk.encode() + b"\0"), (b"R", junk.encode() + b"\0")),
        "odd": ((b"R", b"<reply+\xff@" + DOMAIN.encode() + b">\0"),),
        "data": ((b"T", b""),),
        "from": ((b"L", b"From\0alice@client.example\0"),),
        "id": ((b"L", b"Message-ID\0<1@client.example>\0"),),
        "date": ((b"L", b"Date\0Sat, 21 Nov 2026 12:00:00 +0000\0"),),
        "answered": ((b"L", f"In-Reply-To\0<{minted.message_id}>\0".encode()),),
        "verdict": ((b"L", b"X-Reply-Verdict\0v=1; result=pass\0"),),
        "robot": ((b"L", b"Auto-Submitted\0auto-replied\0"),),
        "end of header": ((b"N", b""),),
        "body": ((b"B", b"Yes.\r\n"),),
        "end": ((b"D", b"Ei\0004BcDeF\0"), (b"E", b"")),
        "end with a piece": ((b"E", b"Yes.\r\n"),),
        "abort": ((b"A", b""),),
        "another client": ((b"K", b""),),
        "unknown": ((b"U", b"XYZZY\0"),),
        "offer": (_offer(),),
        "macros of nothing": ((b"D", b""), (b"D", b"\xff{x}\0y\0")),
    }


WHOLE = ["mail", "genuine", "data", "from", "id", "date", "answered", "end of header", "body", "end"]


def _played(engines: Engines, minted: MintedAddress, names: list[str], offer: Packet) -> bytes:
    commands = _commands(minted)
    return _octets(offer, *(packet for name in names for packet in commands[name]))


def _wanted(names: list[str], heard: list[Packet]) -> list[str]:
    """Leave out the steps that the engine has declined."""
    steps = struct.unpack("!III", heard[0][1])[2]
    declined = {"data": 0x200, "end of header": 0x40, "helo": 0x2, "unknown": 0x100}
    return [name for name in names if not declined.get(name, 0) & steps]


@pytest.mark.parametrize("steps", [ALL_STEPS, 0, 0x3F, 0x7F, 0x5FF, 0x1FFFFF & ~0x400, 0x1FFFFF & ~0x80000, 0x380])
def test_whole_messages(engines: Engines, steps: int) -> None:
    """Of an MTA that sends what it was asked for, whatever it offers: reply, junk, ordinary mail, an abort, a robot."""
    minted = engines[0].mint()
    offered = _offer(steps)
    negotiated = _agree(engines, _octets(offered))
    ordinary = [name if name != "genuine" else "other" for name in WHOLE]
    robot = [*WHOLE[:6], "robot", *WHOLE[6:]]
    probes = ["mail null", "genuine", "abort", "mail", "junk", "abort", "mail", "odd", "local", "other", "end"]
    for names in (WHOLE, WHOLE, ordinary, robot, probes, ["mail", "junk", "other", *WHOLE[2:]]):
        assert _agree(engines, _played(engines, minted, _wanted(["connect", *names], negotiated), offered))


@pytest.mark.parametrize("version", [0, 1, 2, 3, 6, 7, 0xFFFFFFFF])
@pytest.mark.parametrize("actions", [ALL_ACTIONS, 0, 0x11, 0x39, 0xFFFFFFFF])
def test_negotiations(engines: Engines, version: int, actions: int) -> None:
    """Old MTAs, future ones, and those that allow no edits."""
    for steps in (ALL_STEPS, 0, 0x3F, 0xFFFFFFF):
        _agree(engines, _octets(_offer(steps, actions, version)))


def test_commands_in_any_order(engines: Engines) -> None:
    """Also those that no MTA sends: what libmilter passes over is passed over, and what ends a message ends it."""
    minted = engines[0].mint()
    names = sorted(_commands(minted))

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(st.one_of(st.sampled_from(names), st.sampled_from(WHOLE)), max_size=16), st.booleans())
    def agree(chosen: list[str], connected: bool) -> None:
        _agree(engines, _played(engines, minted, ["connect", *chosen] if connected else chosen, _offer()))

    agree()


def test_broken_data(engines: Engines) -> None:
    """Arguments without their NUL, addresses that are none, lengths that are too large: both hang up, or go on."""
    minted = engines[0].mint()
    broken: list[Packet] = [
        (b"C", b"client.example"), (b"C", b"x\x004\0\x19999.1.1.1\0"), (b"C", b"x\x004\0"), (b"C", b"x\0Z\0\x19a\0"),
        (b"C", b"x\0L\0\0/a/socket\0"), (b"C", b"x\x006\0\x19no address\0"), (b"C", b"\x004\0\x19192.0.2.1\0"),
        (b"M", b"<a@b>"), (b"M", b""), (b"M", b"\0"), (b"z", b""), (b"O", b"\0" * 11), (b"E", b""), (b"A", b""),
    ]  # fmt: skip
    for packet in broken:
        _agree(engines, _octets(_offer(), packet))
        _agree(engines, _octets(_offer(), (b"C", b"c\x004\0\x19192.0.2.1\0"), packet))
    for packet in ((b"L", b""), (b"L", b"X"), (b"L", b"X\0"), (b"L", b"X\0\0"), (b"L", b"\0\0"), (b"R", b"<a@b>")):
        start = _played(engines, minted, ["connect", "mail", "genuine"], _offer())
        _agree(engines, start + _octets(packet, (b"E", b"")))
    for length in (65_534, 65_535, 65_536, 70_000):
        start = _played(engines, minted, ["connect", "mail", "genuine"], _offer(0x3F))
        _agree(engines, start + _octets((b"L", b"X\0" + b"x" * (length - 3) + b"\0"), (b"A", b"")))
