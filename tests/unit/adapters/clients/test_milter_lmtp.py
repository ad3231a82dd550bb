"""Our own knock at our doors, where somebody else answers, or nobody."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.clients.milter_lmtp import MilterClient, greets
from reply_milter.ports.canary import MilterUnreachableError

ADDRESS = "fd00::1"
GOOD = b"O" + struct.pack("!III", 6, 0x1FF, 0)


def packet(data: bytes) -> bytes:
    """With its length in front."""
    return struct.pack("!I", len(data)) + data


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


@pytest.mark.parametrize(
    "answer,heard",
    [
        (b"c", ""),
        (b"y550 5.7.1 no\0", "550 5.7.1 no"),
        (b"t", "451 4.7.1"),
        (b"r", "550 5.7.1"),
    ],
)
def test_what_is_heard_at_rcpt(answering: Callable[[bytes], str], answer: bytes, heard: str) -> None:
    """The milter's words, or those that an MTA would say for it."""
    path = answering(packet(GOOD) + packet(b"c") + packet(b"c") + packet(answer))
    client = MilterClient(path, "", 0, ADDRESS, 2.0)
    assert client.recipient("a@b.example") == heard
    client.close()


@pytest.mark.parametrize(
    "said,problem",
    [
        (b"", "closed the connection|reset by peer|Broken pipe"),
        (b"220 mx.example ESMTP\r\n", "no milter answers there"),
        (struct.pack("!I", 0), "no milter answers there"),
        (packet(b"t"), "answered b'O' with b't'"),
        (packet(GOOD), "no answer"),
        (packet(GOOD)[:7], "no answer"),
        (packet(GOOD) + packet(b"r"), "answered b'C' with b'r'"),
    ],
)
def test_what_is_no_milter_is_told(answering: Callable[[bytes], str], said: bytes, problem: str) -> None:
    """In time."""
    with pytest.raises(MilterUnreachableError, match=problem):
        MilterClient(answering(said), "", 0, ADDRESS, 0.2 if problem == "no answer" else 5.0)


def test_an_answer_to_rcpt_that_is_none(answering: Callable[[bytes], str]) -> None:
    """Is told as it came."""
    client = MilterClient(answering(packet(GOOD) + packet(b"c") + packet(b"c") + packet(b"d")), "", 0, ADDRESS, 2.0)
    with pytest.raises(MilterUnreachableError, match="b'd'"):
        client.recipient("a@b.example")
    client.close()


def test_nobody_there(tmp_path: Path) -> None:
    """Neither at a path nor at a port."""
    with pytest.raises(MilterUnreachableError, match="cannot connect: No such file or directory"):
        MilterClient(str(tmp_path / "nothing"), "", 0, ADDRESS, 1.0)
    with pytest.raises(MilterUnreachableError, match="cannot connect: Connection refused"):
        MilterClient("", "127.0.0.1", 1, ADDRESS, 1.0)
    assert not greets(str(tmp_path / "nothing"), "", 0, 1.0)
    assert not greets("", "127.0.0.1", 1, 1.0)


@pytest.mark.parametrize("said,is_greeting", [(b"220 x\r\n", True), (b"421 x\r\n", False), (b"", False)])
def test_a_greeting(answering: Callable[[bytes], str], said: bytes, is_greeting: bool) -> None:
    """Is 220 and nothing else."""
    assert greets(answering(said), "", 0, 0.5) is is_greeting
