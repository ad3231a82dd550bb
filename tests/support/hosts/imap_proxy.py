"""Stands before an IMAP server without TLS, and spoils the way there as a test asks: cut, silent, slow or noisy."""

import re
import socket
import threading
import time
from contextlib import suppress
from enum import StrEnum


class Cut(StrEnum):
    """What happens at a command, once."""

    BEFORE = "before"  # the connection ends, and the server does not hear the command
    AFTER = "after"  # the server has carried it out, and its answer is lost with the connection
    MIDWAY = "midway"  # half of the answer's first packet arrives, then the connection ends
    SILENT = "silent"  # nothing arrives any more, either way; but the connection stays


class ImapProxy:
    """Listens on ``port`` of loopback. ``arm`` has something happen at the next such command; ``cuts`` counts that.

    ``delay``: seconds that each packet takes, either way. ``drip``: seconds between two octets, either way. ``noise``:
    what the server says unasked before it answers a command. All three may change at any time.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.delay = self.drip = 0.0
        self.noise = b""
        self.cuts = 0
        self._armed: tuple[str, Cut] | None = None
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, command: str, cut: Cut) -> None:
        """Cut at ``command``, such as "UID MOVE"."""
        with self._lock:
            self._armed = command, cut

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def fired(self, octets: bytes) -> Cut | None:
        """What is to happen at the command that ``octets`` begin with."""
        with self._lock:
            if self._armed is None:
                return None
            command, cut = self._armed
            if not re.match(rb"(\w+ )?%b\b" % command.encode(), octets, re.IGNORECASE):
                return None
            self._armed = None
            self.cuts += 1
            return cut

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.server_port), 10)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                _Link(self, client, server).start()


class _Link:
    """One connection through the proxy, with a thread each way."""

    def __init__(self, proxy: ImapProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._is_halved = self._is_silent = False
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        for work in (self._to_server, self._to_client):
            threading.Thread(target=work, daemon=True).start()

    def _to_server(self) -> None:
        with suppress(OSError):
            while octets := self._client.recv(65536):
                cut = self._proxy.fired(octets)
                if cut is Cut.BEFORE:
                    break
                if cut is Cut.AFTER:  # nothing that the server says from now on arrives
                    self._client.shutdown(socket.SHUT_RDWR)
                    self._server.sendall(octets)
                    self._let_work()
                    break
                self._is_halved = cut is Cut.MIDWAY
                self._is_silent = self._is_silent or cut is Cut.SILENT
                if self._proxy.noise and not self._is_silent:
                    self._client.sendall(self._proxy.noise)
                self._pass_on(octets, self._server)
        self._end()

    def _to_client(self) -> None:
        with suppress(OSError):
            while octets := self._server.recv(65536):
                if self._is_halved:
                    self._client.sendall(octets[: max(1, len(octets) // 2)])
                    break
                with suppress(OSError):
                    self._pass_on(octets, self._client)
        self._end()

    def _pass_on(self, octets: bytes, to: socket.socket) -> None:
        if self._is_silent:
            return
        time.sleep(self._proxy.delay)
        if not self._proxy.drip:
            to.sendall(octets)
            return
        for octet in octets:
            to.sendall(bytes((octet,)))
            time.sleep(self._proxy.drip)

    def _let_work(self) -> None:
        """Let the server carry the command out: it reads a LOGOUT behind it."""
        with suppress(OSError):
            self._server.sendall(b"zz LOGOUT\r\n")
            threading.Event().wait(0.3)

    def _end(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
