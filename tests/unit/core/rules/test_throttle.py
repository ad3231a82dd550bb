"""Guesses at tokens, counted by client network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable, network
from tests.support.fakes import NOW


def table() -> GuessTable:
    """An empty one."""
    return GuessTable(bytearray(TABLE_OCTETS), b"secret")


@pytest.mark.parametrize(
    "client,same",
    [
        ("192.0.2.1", "192.0.2.255"),
        ("::ffff:192.0.2.1", "192.0.2.9"),
        ("2001:db8::1", "2001:db8::ffff:1:2:3"),
        ("2001:DB8::1", "2001:db8:0:0::2"),
        ("fe80::1%eth0", "fe80::2%eth0"),
        ("unknown", "unknown"),
    ],
)
def test_neighbours_count_together(client: str, same: str) -> None:
    """IPv4 /24, also when mapped into IPv6; IPv6 /64."""
    assert network(client) == network(same)


@pytest.mark.parametrize("client,other", [("192.0.2.1", "192.0.3.1"), ("2001:db8::1", "2001:db8:0:1::1"), ("", "x")])
def test_strangers_count_apart(client: str, other: str) -> None:
    """The next network belongs to another client."""
    assert network(client) != network(other)


def test_guesses_of_a_network_add_up_within_a_minute() -> None:
    """And start anew in the next."""
    guesses = table()
    assert [guesses.count("192.0.2.1", NOW), guesses.count("192.0.2.9", NOW + 59)] == [1, 2]
    assert guesses.count("192.0.2.1", NOW + 60) == 1


def test_other_networks_have_counts_of_their_own() -> None:
    """A client that guesses addresses has only its own network throttled."""
    guesses = table()
    for _ in range(100):
        guesses.count("192.0.2.1", NOW)
    assert guesses.count("198.51.100.1", NOW) == 1


def test_flood_of_networks_does_not_forget_who_guesses_most() -> None:
    """The table has a fixed size; where slots run out, the smallest count gives way."""
    octets = bytearray(TABLE_OCTETS)
    guesses = GuessTable(octets, b"secret")
    for _ in range(100):
        guesses.count("192.0.2.1", NOW)
    for number in range(100_000):
        guesses.count(f"10.{number >> 8 & 255}.{number & 255}.1" if number < 65536 else f"2001:db8:{number:x}::1", NOW)
    assert guesses.count("192.0.2.1", NOW) == 101
    assert len(octets) == TABLE_OCTETS


def test_busy_minute_does_not_shorten_the_memory_of_the_next() -> None:
    """What was counted a minute ago gives way first, however much it was."""
    guesses = table()
    for number in range(30_000):
        for _ in range(3):
            guesses.count(f"2001:db8:{number:x}::1", NOW)
    later = NOW + 60
    clients = [f"10.{number >> 8}.{number & 255}.1" for number in range(2000)]
    for client in clients:
        guesses.count(client, later)
    assert sum(guesses.count(client, later) == 2 for client in clients) > 1990


def test_processes_share_one_table() -> None:
    """Two workers, one memory."""
    octets = bytearray(TABLE_OCTETS)
    GuessTable(octets, b"secret").count("192.0.2.1", NOW)
    assert GuessTable(octets, b"secret").count("192.0.2.1", NOW) == 2


@given(st.text(max_size=60) | st.ip_addresses().map(str), st.integers(0, 1 << 40))
def test_any_client_is_counted(client: str, now: int) -> None:
    """No text makes it fail."""
    assert table().count(client, now) == 1
