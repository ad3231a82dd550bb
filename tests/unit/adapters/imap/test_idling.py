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
    "told,news",
    [
        (b"* 3 EXISTS\r\n", [False, False]),  # as at SELECT
        (b"* 3 EXISTS\r\n* 0 RECENT\r\n* 3 EXISTS\r\n", [False, False]),
        (b"* 4 EXISTS\r\n", [True, False]),
        (b"* 4 EXISTS\r\n* 3 EXISTS\r\n", [True, True]),
        (b"* 1 EXPUNGE\r\n* 3 EXISTS\r\n", [True, True]),  # one went, and one came
        (b"* 3 EXISTS\r\n* 1 EXPUNGE\r\n", [False, True]),
        (b"* 1 EXPUNGE\r\n", [False, False]),
        (b"* 1 FETCH (FLAGS (\\Seen))\r\n", [False, False]),
    ],
)
def test_a_count_that_a_server_repeats_is_no_news(told: bytes, news: list[bool]) -> None:
    """Some tell it at each IDLE: else the looks would never end."""

    def idle(connection: socket.socket, tag: bytes) -> None:
        connection.sendall(b"+ idling\r\n" + told)
        connection.recv(100)
        connection.sendall(tag + b" OK so\r\n")

    with scripted({"IDLE": idle}) as server:
        box = at(server)
        box.open()
        for is_news in news:
            box.uids_after(0)
            box.uids_after(8)
            assert box.wait(0.3) is is_news


def test_a_message_that_comes_when_one_has_gone_is_news() -> None:
    """The count is as before then, in the answers to two commands."""
    answers = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n@ OK so\r\n",
        "UID SEARCH": b"* SEARCH 3\r\n* 2 EXPUNGE\r\n@ OK so\r\n",
        "NOOP": b"* 3 EXISTS\r\n@ OK so\r\n",
    }
    with scripted(answers) as server:
        box = at(server)
        box.open()
        box.uids_after(0)
        assert box.wait(5.0)
        assert not box.wait(0.5)


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
