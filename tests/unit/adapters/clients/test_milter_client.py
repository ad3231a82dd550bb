"""The milter client, where another program answers, or none."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from reply_milter.adapters.clients.milter_client import MilterClient
from reply_milter.ports.canary import MilterUnreachableError

ADDRESS = "fd00::1"
GOOD = b"O" + struct.pack("!III", 6, 0x1FF, 0)


def packet(data: bytes) -> bytes:
    """With its length in front."""
    return struct.pack("!I", len(data)) + data


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
        (b"220 mx.example ESMTP\r\n", "something answers there that is no milter"),
        (struct.pack("!I", 0), "something answers there that is no milter"),
        (packet(b"t"), "answered b'O' with b't'"),
        (packet(GOOD), "no answer"),
        (packet(GOOD)[:7], "no answer"),
        (packet(GOOD) + packet(b"r"), "answered b'C' with b'r'"),
    ],
)
def test_what_is_no_milter_is_reported(answering: Callable[[bytes], str], said: bytes, problem: str) -> None:
    """In time."""
    with pytest.raises(MilterUnreachableError, match=problem):
        MilterClient(answering(said), "", 0, ADDRESS, 0.2 if problem == "no answer" else 5.0)


def test_an_answer_to_rcpt_that_is_none(answering: Callable[[bytes], str]) -> None:
    """The reply text is returned unchanged."""
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
