"""Whose connection to the page it is: a user of this host, or an address elsewhere. Each has a place of its own.

A program on this host can use any of the sixteen million addresses of 127.0.0.0/8 and all of the host's own, but only
one user id, which the kernel reports for a connection (sock_diag(7)).
"""

import ipaddress
import socket
import struct
from contextlib import suppress

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST = 20, 1
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port id
_REQUEST = struct.Struct("=BBBxI")  # inet_diag_req_v2: family, protocol, extensions, states
_PORTS = struct.Struct(">HH")
_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, any cookie
_UID_AT = _HEADER.size + 4 + 48 + 12  # inet_diag_msg: state, sockid, expires, rqueue, wqueue; then user and inode
_ANSWER_OCTETS = 4096
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_V6_PREFIX = 64  # one network; a host in it can use any number of its addresses


class Peers:
    """Queries the kernel over one socket, opened at the first query. One thread uses this."""

    def __init__(self) -> None:
        self._kernel: socket.socket | None = None

    def place_of(self, connection: socket.socket) -> str:
        """Return the place of a connection: ``user 1000`` of this host, an IPv4 address, or an IPv6 /64 network."""
        try:
            client, server = connection.getpeername(), connection.getsockname()
        except OSError:
            return ""  # it was closed already
        with suppress(OSError, struct.error, ValueError):
            return f"user {self._user(connection.family, client, server)}"
        return network_of(client[0])

    def close(self) -> None:
        """Close the socket to the kernel."""
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _user(self, family: int, client: tuple[str, int], server: tuple[str, int]) -> int:
        """Return the user id that the other end of a connection belongs to.

        Raises:
            OSError: the other end is not on this host, or already closed, or the kernel does not say.
        """
        question = _question(family, client, server)
        if self._kernel is None:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK  # the kernel answers during the call
            self._kernel = socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)
        try:
            self._kernel.sendto(question, (0, 0))
            answer = self._kernel.recv(_ANSWER_OCTETS)
        except OSError:
            self.close()
            raise
        if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
            raise OSError("no such socket here")
        user, inode = struct.unpack_from("=II", answer, _UID_AT)
        if not inode:  # what no program holds any more is said to be user 0's
            raise OSError("the socket is closed")
        return int(user)


def network_of(address: str) -> str:
    """Return the place of a client whose user is not known."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, _V6_PREFIX), strict=False))
        found = found.ipv4_mapped
    return str(_LOOPBACK) if found in _LOOPBACK else str(found)


def _question(family: int, client: tuple[str, int], server: tuple[str, int]) -> bytes:
    ends = [socket.inet_pton(family, end[0].partition("%")[0]).ljust(16, b"\0") for end in (client, server)]
    asked = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    asked += _PORTS.pack(client[1], server[1]) + b"".join(ends) + _NO_COOKIE
    return _HEADER.pack(_HEADER.size + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + asked
