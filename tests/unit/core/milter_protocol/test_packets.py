"""Packets out of octets, however they arrive."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.milter_protocol.packets import MACROS, MOST_DATA, Command, Incoming, packet
from tests.support.scaling import superlinear

LETTERS = st.integers(0, 255) | st.just(MACROS)
DATA = st.binary(max_size=300) | st.sampled_from([b"", b"L", b"Li\x001\0", b"B", b"Ei\x001\0"])
COMMANDS = st.lists(st.tuples(LETTERS, DATA), max_size=12)


def _octets(commands: list[Command]) -> bytes:
    return b"".join(packet(bytes([letter]), data) for letter, data in commands)


@given(COMMANDS, st.lists(st.integers(1, 40), max_size=60))
def test_any_pieces_give_the_same_commands(commands: list[Command], sizes: list[int]) -> None:
    """And nothing is kept behind the last one; macros of header fields and of the body are left out."""
    octets, incoming, found = _octets(commands), Incoming(), []
    for size in sizes:
        found += incoming.feed(octets[:size])
        octets = octets[size:]
    found += incoming.feed(octets)
    wanted = [(letter, data) for letter, data in commands if letter != MACROS or data[:1] not in (b"L", b"B")]
    assert (found, incoming.is_broken) == (wanted, False)
    assert incoming.feed(packet(b"Q")) == [(ord("Q"), b"")]


@pytest.mark.parametrize("length", [0, MOST_DATA + 2, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_out_of_bounds_breaks_the_stream(length: int) -> None:
    """What came before is carried out. No octet of the packet is waited for."""
    incoming = Incoming()
    assert incoming.feed(packet(b"A") + struct.pack("!I", length) + b"M") == [(ord("A"), b"")]
    assert incoming.is_broken


def test_the_largest_packet_is_taken() -> None:
    """As large as libmilter's."""
    incoming = Incoming()
    assert incoming.feed(packet(b"B", b"x" * MOST_DATA)) == [(ord("B"), b"x" * MOST_DATA)]
    assert not incoming.is_broken


@given(st.binary(max_size=400))
def test_any_octets(octets: bytes) -> None:
    """Give commands, or a broken stream, and are never kept beyond a packet."""
    incoming = Incoming()
    found = incoming.feed(octets)
    assert sum(5 + len(data) for _, data in found) <= len(octets)


def test_octet_by_octet_is_linear() -> None:
    """A peer that sends a large packet in single octets costs no more for each of them."""

    def feed(octets: bytes) -> None:
        incoming = Incoming()
        for octet in octets:
            incoming.feed(bytes([octet]))

    assert not superlinear(feed, lambda size: packet(b"B", b"x" * size), longest=MOST_DATA)
