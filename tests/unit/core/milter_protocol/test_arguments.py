"""Arguments and macros of commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.milter_protocol.arguments import Client, Macros, client, field, first


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"host\x004\0\x19192.0.2.1\0", Client(ord("4"), b"192.0.2.1")),
        (b"\x006\0\x19::1\0", Client(ord("6"), b"::1")),
        (b"host\0U", Client(ord("U"), b"")), (b"host\0L\0\0/socket\0", Client(ord("L"), b"/socket")),
        (b"host", None), (b"host\0", None), (b"host\x004", None), (b"host\x004\0\x19", None), (b"", None),
        (b"host\x004\0\x19192.0.2.1", None), (b"host\0Z\0\x19x\0", None),
    ],
)  # fmt: skip
def test_clients(data: bytes, expected: Client | None) -> None:
    """None is malformed: the peer is hung up on."""
    assert client(data) == expected


def test_arguments_end_with_a_nul() -> None:
    """What follows the first is not read."""
    assert [first(data) for data in (b"<a@b>\0", b"<a@b>\0SIZE=1\0", b"\0", b"<a@b>", b"")] == [
        b"<a@b>",
        b"<a@b>",
        b"",
        None,
        None,
    ]


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"From\0a@b\0", (b"From", b"a@b")), (b"X\0\0", (b"X", b"")), (b"X\0a\0b\0", (b"X", b"a")),
        (b"X\0a", (b"X", b"a")), (b"X\0", None), (b"X", None), (b"", None), (b"\0\0", None),
    ],
)  # fmt: skip
def test_fields(data: bytes, expected: tuple[bytes, bytes] | None) -> None:
    """As libmilter cuts them."""
    assert field(data) == expected


def test_macros_of_a_later_step_go_when_an_earlier_one_comes() -> None:
    """So no recipient has the macros of the last one's message."""
    macros = Macros()
    for data in (b"Mi\0M1\0{x}\0m\0", b"R{i}\0R1\0{rcpt_addr}\0bob\0", b"Ei\0E1\0"):
        macros.define(data)
    assert [macros.get(name) for name in (b"i", b"{x}", b"{rcpt_addr}", b"{none}")] == [b"E1", b"m", b"bob", None]
    macros.begin(ord("R"))
    assert macros.get(b"i") == b"R1"
    macros.begin(ord("M"))
    assert (macros.get(b"i"), macros.get(b"{rcpt_addr}")) == (b"M1", None)
    macros.clear()
    assert macros.get(b"i") is None


def test_a_step_that_defines_again_replaces_its_macros() -> None:
    """Also where a later one has some already."""
    macros = Macros()
    for data in (b"R{a}\x001\0", b"E{b}\x002\0", b"R{c}\x003\0", b"\xff{d}\x004\0", b"E{b}\0"):
        macros.define(data)
    assert [macros.get(name) for name in (b"{a}", b"{b}", b"{c}", b"{d}")] == [None, None, b"3", None]


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8))
def test_any_macros(packets: list[bytes]) -> None:
    """Are taken, and none is made up."""
    macros = Macros()
    for data in packets:
        macros.define(data)
        macros.begin(b"CHMRTEN"[len(data) % 7])
    value = macros.get(b"i")
    assert value is None or any(value in data for data in packets)
