"""A server that says one thing."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """Start a server that says so much at once, and then nothing; its path. Empty: it hangs up."""
    servers: list[socket.socket] = []
    connections: list[socket.socket] = []

    def start(said: bytes) -> str:
        server = socket.socket(socket.AF_UNIX)
        servers.append(server)
        path = tmp_path / f"{len(servers)}.sock"
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            connections.append(connection)
            connection.sendall(said)
            if not said:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return str(path)

    yield start
    for one in (*servers, *connections):
        one.close()
