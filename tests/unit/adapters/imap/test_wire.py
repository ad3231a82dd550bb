"""Servers that break the protocol, drip, flood, or announce more than was asked for."""

import socket
import time

import pytest

from reply_milter.adapters.imap import client, mailbox, session, wire
from reply_milter.ports.mailbox import MailboxUnavailableError
from tests.support.scripted_imap import Answer, at, scripted

_LINE = b"x" * 100_000


def _forever(octets: bytes) -> Answer:
    def write(connection: socket.socket, _tag: bytes) -> None:
        while True:
            connection.sendall(octets)

    return write


def _dripping(connection: socket.socket, _tag: bytes) -> None:
    connection.sendall(b"* SEARCH")
    while True:
        connection.sendall(b" 1")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "answer",
    [
        _forever(_LINE),  # a line without end
        _forever(b"* 5 EXISTS\r\n"),
        _forever(b"* OK [ALERT] hello\r\n"),
        _forever(b'* 1 FETCH (UID 1 FLAGS ("' + _LINE + b'"))\r\n'),
        b"* SEARCH {2000000000}\r\nx",
        b"* SEARCH {" + b"9" * 5000 + b"}\r\nx",
        b"* 1 FETCH (UID 3 BODY[] {2147483648}\r\nx",
        b"* SEARCH one two\r\n@ OK so\r\n",
        b"* SEARCH " + b"9" * 5000 + b"\r\n@ OK so\r\n",
        b"* SEARCH \xff\xfe\r\n@ OK so\r\n",
        b"@ BAD no\r\n",
        b"@ NO not now\r\n",
        b"A999 OK whose is it\r\n",
        b"garbage\r\n",
        b"\r\n",
        b"* BYE going down\r\n",
        b"* SEARCH 1\n@ OK\n",
    ],
    ids=lambda answer: "flood" if callable(answer) else str(answer[:24]),
)  # fmt: skip
def test_no_answer_of_a_server_does_harm(answer: Answer) -> None:
    """Each is ``unavailable``, soon, and with few octets kept."""
    with scripted({"UID SEARCH": answer}) as server:
        box = at(server)
        box.open()
        began = time.monotonic()
        with pytest.raises(MailboxUnavailableError) as error:
            box.uids_after(0)
        assert len(str(error.value)) < 400 and str(error.value).isprintable()
        assert time.monotonic() - began < 20
        box.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 3 RFC822.SIZE\r\n@ OK so\r\n",
        b"* 1 FETCH " + b"(" * 5000 + b"\r\n@ OK so\r\n",
        b"* 1 FETCH (UID x)\r\n@ OK so\r\n",
        b"* 1 FETCH (UID 3 {3}\r\nabc\r\n@ OK so\r\n",
        b'* 1 FETCH (UID 3 RFC822.SIZE "' + _LINE + b"\r\n@ OK so\r\n",
    ],
    ids=lambda answer: str(answer[:40]),
)
def test_a_fetch_that_can_not_be_read_is_no_traceback(answer: bytes) -> None:
    """Deep brackets, open quotes, half a list."""
    with scripted({"UID FETCH": answer}) as server:
        box = at(server)
        box.open()
        with pytest.raises(MailboxUnavailableError):
            box.sizes((3,))


def test_a_dripping_server_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a command does not begin anew with each octet."""
    monkeypatch.setattr(session, "COMMAND_SECONDS", 0.5)
    monkeypatch.setattr(session.Session.begin, "__defaults__", (session.COMMAND_OCTETS, 0.5))
    with scripted({"UID SEARCH": _dripping}) as server:
        box = at(server)
        box.open()
        began = time.monotonic()
        with pytest.raises(MailboxUnavailableError, match=r"took too long|timed out"):
            box.uids_after(0)
        assert time.monotonic() - began < 3


def test_a_silent_server_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, and says nothing."""
    monkeypatch.setattr(client, "_CONNECT_SECONDS", 0.3)
    with scripted(greeting=b"") as server:
        with pytest.raises(MailboxUnavailableError):
            at(server).open()


def test_nobody_there_is_unavailable() -> None:
    """The system's own words."""
    with scripted() as server:
        box = at(server)
    with pytest.raises(MailboxUnavailableError, match=r"connecting to 127\.0\.0\.1: Connection refused"):
        box.open()


def test_bounds_are_of_this_size() -> None:
    """A flood ends after few megabytes; a line after one."""
    assert wire.LINE_OCTETS <= 1 << 20 and session.COMMAND_OCTETS <= 1 << 21 and mailbox.PIECE_OCTETS <= 1 << 20
