"""Who must go when there are too many at the metrics page, and whose place a connection takes."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from reply_milter.adapters.telemetry import peer, places
from reply_milter.adapters.telemetry.peer import Peers, network_of
from reply_milter.adapters.telemetry.places import Guest, Guests, Lobby, one_too_many


@pytest.fixture
def made() -> Iterator[list[socket.socket]]:
    """Sockets that are closed in the end."""
    sockets: list[socket.socket] = []
    yield sockets
    for one in sockets:
        one.close()


def guest(place: str, made: list[socket.socket]) -> Guest:
    """From there."""
    made.append(socket.socket())
    return Guest(made[-1], place)


def test_the_newest_of_the_greediest_goes_first(made: list[socket.socket]) -> None:
    """Whoever has one place keeps it, also who came last."""
    crowd = [guest("a", made) for _ in range(3)]
    others = [guest("b", made), guest("c", made)]
    assert one_too_many([others[0], *crowd, others[1]]) is crowd[-1]
    assert one_too_many([*others, guest("d", made)]).place == "d", "where all have one, the newest"


def test_a_crowd_never_takes_the_last_place_of_another(
    made: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it and behind it."""
    monkeypatch.setattr(places, "MOST_CONNECTIONS", 4)
    guests = Guests(10.0)
    first = guest("scraper", made)
    assert guests.come(first)
    taken = [guests.come(guest("crowd", made)) for _ in range(9)]
    assert taken == [True] * 3 + [False] * 6
    late = guest("another", made)
    assert guests.come(late)
    assert guests.is_here(first) and guests.is_here(late)


def test_the_oldest_of_a_silent_crowd_goes_first(made: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """It had time to say something; who has just come may be about to."""
    monkeypatch.setattr(places, "MOST_SILENT", 3)
    lobby = Lobby(10.0)
    alone, *crowd = guest("scraper", made), *(guest("crowd", made) for _ in range(3))
    assert [lobby.come(one) for one in (alone, *crowd)] == [None, None, None, crowd[0]]
    assert lobby.oldest() is alone


def test_networks() -> None:
    """Where no user is known: an IPv4 address, an IPv6 network; this host has one, whatever it calls itself."""
    assert network_of("192.0.2.1") == network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("127.0.0.1") == network_of("127.99.1.2") == "127.0.0.0/8"
    assert network_of("fe80::1%eth0") == "fe80::/64"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_kernel_tells_whose_a_connection_is(address: str) -> None:
    """By the socket at the other end, from any address of this host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listening:
        peers, port = Peers(), listening.getsockname()[1]
        with socket.create_connection((address, port)), listening.accept()[0] as connection:
            assert peers.place_of(connection) == f"user {os.geteuid()}"
        if os.geteuid() == 0:
            text = f"import socket; import sys; s = socket.create_connection(({address!r}, {port})); sys.stdin.read()"
            with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, user=65534, cwd="/") as other:
                with listening.accept()[0] as connection:
                    assert peers.place_of(connection) == "user 65534"
                other.communicate()
        peers.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_socket_that_was_closed_is_nobodys(address: str) -> None:
    """A closed connection has no user: the kernel reports 0, which does not count as root."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listening:
        peers, place = Peers(), network_of(address)
        with socket.create_connection(listening.getsockname()[:2]) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with listening.accept()[0] as connection:
            assert peers.place_of(connection) == place
        with socket.create_connection(listening.getsockname()[:2]) as client, listening.accept()[0] as connection:
            client.shutdown(socket.SHUT_WR)  # it still waits for the answer
            assert peers.place_of(connection) == f"user {os.geteuid()}"
        peers.close()


def test_where_the_kernel_does_not_tell_the_address_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit that allows no AF_NETLINK."""

    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as connection:
            monkeypatch.setattr(peer, "_NETLINK_SOCK_DIAG", 999)  # no such family of questions
            assert Peers().place_of(connection) == "127.0.0.0/8"


def test_a_connection_that_was_closed_takes_no_user_s_place(made: list[socket.socket]) -> None:
    """The kernel reports user 0 for closed connections: a client that connects and closes in a loop is not root."""
    listening = socket.create_server(("127.0.0.1", 0))
    made.append(listening)
    client = socket.create_connection(listening.getsockname())
    connection, _ = listening.accept()
    made.append(connection)
    peers = Peers()
    try:
        assert peers.place_of(connection) == f"user {os.getuid()}"
        client.close()
        assert peers.place_of(connection) == "127.0.0.0/8"
    finally:
        peers.close()
