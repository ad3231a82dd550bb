"""Stands before an IMAP server without TLS, and cuts the connection at a command of a test's choice."""

import re
import socket
import threading
from contextlib import suppress


class ImapProxy:
    """Listens on ``port`` of loopback. ``arm`` has the next such command cut off, once."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._armed: tuple[str, bool] | None = None
        self.cuts = 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, command: str, after: bool) -> None:
        """Cut at ``command``, such as "UID MOVE": before the server hears it, or ``after`` it has carried it out."""
        with self._lock:
            self._armed = command, after

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port), 10)
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
                threading.Thread(target=self._to_client, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while octets := client.recv(65536):
                cut = self._cuts(octets)
                if cut is False:
                    break
                if cut:  # nothing that the server says from now on arrives
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(octets)
                    self._let_work(server)
                    break
                server.sendall(octets)
        self._end(client, server)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(65536):
                with suppress(OSError):
                    client.sendall(octets)
        self._end(client, server)

    def _cuts(self, octets: bytes) -> bool | None:
        """None: nothing is cut here; else whether that happens after the command."""
        with self._lock:
            if self._armed is None:
                return None
            command, after = self._armed
            if not re.match(rb"\w+ %b\b" % command.encode(), octets, re.IGNORECASE):
                return None
            self._armed = None
            self.cuts += 1
            return after

    @staticmethod
    def _let_work(server: socket.socket) -> None:
        """Let the server carry the command out: it reads a LOGOUT behind it."""
        with suppress(OSError):
            server.sendall(b"zz LOGOUT\r\n")
            threading.Event().wait(0.3)

    @staticmethod
    def _end(*sockets: socket.socket) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
