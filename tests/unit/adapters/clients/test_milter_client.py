"""The milter client, where another program answers, or none."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from reply_milter.adapters.clients.milter_client import MilterClient
from reply_milter.core.mail.headers import Append, Delete, Insert, RemoveRecipient, Replace
from reply_milter.ports.canary import MilterUnreachableError, Submitted

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


WHOLE = packet(GOOD) + 3 * packet(b"c")  # as far as RCPT


def asked(path: str) -> Submitted:
    """What is heard about a message with one field."""
    client = MilterClient(path, "", 0, ADDRESS, 5.0)
    try:
        return client.message("a@b.example", "c@d.example", [("Subject", "x")], b"Hi\r\n")
    finally:
        client.close()


def test_a_message_and_the_edits_of_it(answering: Callable[[bytes], str]) -> None:
    """Every kind of edit, and a sign of life between them."""
    one = struct.pack("!I", 1)
    edits = [
        b"m" + one + b"Reply-To\0a@b\0",
        b"m" + one + b"List-Post\0\0",
        b"p",
        b"i" + struct.pack("!I", 0) + b"X-Reply-Verdict\0v=1;\n\tresult=pass\0",
        b"hReferences\0<w1.a@b>\0",
        b"-<c@d.example>\0",
    ]
    said = WHOLE + 3 * packet(b"c") + b"".join(map(packet, edits)) + packet(b"a")
    assert asked(answering(said)) == Submitted(
        "",
        (
            Replace("Reply-To", 1, "a@b"),
            Delete("List-Post", 1),
            Insert("X-Reply-Verdict", "v=1;\n\tresult=pass"),
            Append("References", "<w1.a@b>"),
            RemoveRecipient("<c@d.example>"),
        ),
    )


@pytest.mark.parametrize("refusal", [b"y550 5.6.0 no\0", b"t"])
def test_a_message_is_refused_at_rcpt_or_at_its_end(answering: Callable[[bytes], str], refusal: bytes) -> None:
    """In the milter's words."""
    words = "451 4.7.1" if refusal == b"t" else "550 5.6.0 no"
    assert asked(answering(packet(GOOD) + 2 * packet(b"c") + packet(refusal))) == Submitted(words)
    assert asked(answering(WHOLE + 3 * packet(b"c") + packet(refusal))) == Submitted(words)


@pytest.mark.parametrize("edit", [b"q", b"z", b"m\0"])
def test_an_edit_that_is_none(answering: Callable[[bytes], str], edit: bytes) -> None:
    """It is reported, and nothing is guessed."""
    with pytest.raises(MilterUnreachableError, match="unknown edit"):
        asked(answering(WHOLE + 3 * packet(b"c") + packet(edit)))


def test_a_message_that_is_swallowed(answering: Callable[[bytes], str]) -> None:
    """Discarding is no answer to a canary."""
    with pytest.raises(MilterUnreachableError, match="the end of a message with the unknown packet b'd'"):
        asked(answering(WHOLE + 3 * packet(b"c") + packet(b"d")))


def test_nobody_there(tmp_path: Path) -> None:
    """Neither at a path nor at a port."""
    with pytest.raises(MilterUnreachableError, match="cannot connect: No such file or directory"):
        MilterClient(str(tmp_path / "nothing"), "", 0, ADDRESS, 1.0)
    with pytest.raises(MilterUnreachableError, match="cannot connect: Connection refused"):
        MilterClient("", "127.0.0.1", 1, ADDRESS, 1.0)
