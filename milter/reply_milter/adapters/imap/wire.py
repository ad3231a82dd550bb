"""The octets of an IMAP connection: each command has a deadline and a number of octets that its answers may have.

imaplib would read a literal of 2 GB into memory, and waits anew for each octet of a server that drips.
"""

import imaplib
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

LINE_OCTETS: Final = 1 << 20  # of one line; a search of 50,000 messages answers with half of that
_CHUNK: Final = 1 << 16
_PORT: Final = 143

Dial = Callable[[float], socket.socket]  # connects within that many seconds; the whole TLS handshake counts


class BoundedImap(imaplib.IMAP4):
    """imaplib's connection, with octets of our own reading. ``dial`` makes its socket. Raises what imaplib raises."""

    def __init__(self, host: str, port: int, dial: Dial, seconds: float, octets: int) -> None:
        self._dial = dial
        self._received = bytearray()
        self.begin(seconds, octets)
        super().__init__(host, port)

    def begin(self, seconds: float, octets: int) -> None:
        """Begin a command: its answers end within ``seconds``, and have at most ``octets``."""
        self._deadline = time.monotonic() + seconds
        self._octets_left = octets

    def open(self, host: str = "", port: int = _PORT, timeout: float | None = None) -> None:
        """Connect; imaplib calls this. ``timeout`` is the command's deadline."""
        self.host, self.port = host, port
        self.sock = self._dial(self._seconds_left() if timeout is None else timeout)

    def shutdown(self) -> None:
        """Close the connection; imaplib calls this."""
        self.sock.close()

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Begin TLS (RFC 3501 section 6.2.1). What was said before counts no longer, and nothing may be sent ahead."""
        typ, _ = self._simple_command("STARTTLS")
        if typ != "OK":
            raise self.error("the server refuses STARTTLS")
        if self._received:
            raise self.abort("the server sent more than its answer to STARTTLS before TLS began")
        self.sock.settimeout(self._seconds_left())
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self.untagged_responses.clear()
        self._tls_established = True
        self._get_capabilities()

    def readline(self) -> bytes:
        """Read a line with its end; imaplib calls this."""
        looked = 0
        while (end := self._received.find(b"\n", looked)) < 0:
            looked = len(self._received)
            if looked > LINE_OCTETS:
                raise self.abort(f"the server sent a line of more than {LINE_OCTETS} octets")
            self._receive()
        return self._taken(end + 1)

    def read(self, size: int) -> bytes:
        """Read a literal of ``size`` octets; imaplib calls this."""
        if size > len(self._received) + self._octets_left:
            raise self.abort(f"the server announced a literal of {size} octets: more than was asked for")
        while len(self._received) < size:
            self._receive()
        return self._taken(size)

    def send(self, data: "Buffer") -> None:
        """Send a command, or a part of one; imaplib calls this."""
        self.sock.settimeout(self._seconds_left())
        self.sock.sendall(data)

    def is_readable(self, seconds: float) -> bool:
        """Wait until the server has sent something, at most ``seconds``. The end of the connection counts, too."""
        if self._received or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            return True
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        return bool(poller.poll(seconds * 1000))

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _receive(self) -> None:
        self.sock.settimeout(self._seconds_left())
        octets = self.sock.recv(_CHUNK)
        self._octets_left -= len(octets)
        if not octets:
            raise self.abort("the server closed the connection")
        if self._octets_left < 0:
            raise self.abort("the server sent more than was asked for")
        self._received += octets

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server took too long")
        return left
