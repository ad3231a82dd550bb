"""Who connects to the page: a user of this host, or an address elsewhere. Each has a place of its own.

A program on this host can have any of the sixteen million addresses of 127.0.0.0/8 and all of the host's own, but only
one user; the kernel tells whose a connection is (sock_diag(7)).
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
_UID_AT = _HEADER.size + 4 + 48 + 12  # inet_diag_msg: state, sockid, expires, rqueue, wqueue, the user, and its inode
_ANSWER_OCTETS = 4096
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_V6_PREFIX = 64  # what one network has; each host of it has as many addresses as it likes


class Peers:
    """Asks the kernel by one socket, which is opened when it is first needed. One thread uses this."""

    def __init__(self) -> None:
        self._kernel: socket.socket | None = None

    def place_of(self, connection: socket.socket) -> str:
        """Whose place a connection takes: ``user 1000`` of this host, an IPv4 address, an IPv6 network of 64 bits."""
        try:
            client, server = connection.getpeername(), connection.getsockname()
        except OSError:
            return ""  # it is gone
        with suppress(OSError, struct.error, ValueError):
            return f"user {self._user(connection.family, client, server)}"
        return network_of(client[0])

    def close(self) -> None:
        """Ask no more."""
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _user(self, family: int, client: tuple[str, int], server: tuple[str, int]) -> int:
        """Whose socket is the other end of a connection.

        Raises:
            OSError: nobody's here, or the kernel tells us nothing.
        """
        question = _question(family, client, server)
        if self._kernel is None:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK  # it answers while it is asked
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
        if not inode:  # closed already by whoever had it; the kernel then says 0, which is root's
            raise OSError("nobody has that socket any more")
        return int(user)


def network_of(address: str) -> str:
    """Of a client whose user is not known."""
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
