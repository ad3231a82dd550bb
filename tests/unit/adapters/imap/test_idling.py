"""Waiting: IDLE, its renewal, and news that came before."""

import socket
import time

import pytest

from reply_milter.ports.mailbox import MailboxUnavailableError
from tests.support.scripted_imap import at, scripted


def test_news_that_come_with_another_answer_are_not_missed() -> None:
    """Told between the search and IDLE, when nobody listens."""
    with scripted({"UID FETCH": b"* 4 EXISTS\r\n* 1 FETCH (UID 3 RFC822.SIZE 20)\r\n@ OK so\r\n"}) as server:
        box = at(server)
        box.open()
        box.uids_after(0)
        box.sizes((3,))
        began = time.monotonic()
        assert box.wait(5.0)
        assert time.monotonic() - began < 1


def test_idle_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a router forgets the connection; one IDLE lasts over several calls."""
    monkeypatch.setattr("reply_milter.adapters.imap.idling.RENEWED_SECONDS", 0.3)
    with scripted({"IDLE": b"+ idling\r\n", "": b""}) as server:

        def idle(connection: socket.socket, tag: bytes) -> None:
            connection.sendall(b"+ idling\r\n")
            assert connection.recv(100) == b"DONE\r\n"
            connection.sendall(tag + b" OK so\r\n")

        server.answers["IDLE"] = idle
        box = at(server)
        box.open()
        box.uids_after(0)
        for _ in range(10):
            assert not box.wait(0.1)
        assert 2 <= server.said.count(b"IDLE") <= 4
        assert box.uids_after(0) == (3, 5, 8)


@pytest.mark.parametrize(
    "answer",
    [b"@ NO not here\r\n", b"@ BAD so\r\n", b"* BYE\r\n", b"+ \r\n* BYE going down\r\n", b"+ \r\ngarbage\r\n"],
)
def test_an_idle_that_fails_is_unavailable(answer: bytes) -> None:
    """At its beginning, or later."""
    with scripted({"IDLE": answer}) as server:
        box = at(server)
        box.open()
        box.uids_after(0)
        with pytest.raises(MailboxUnavailableError):
            box.wait(2.0)
