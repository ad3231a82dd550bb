"""A mailbox at servers that say odd things. Real servers: tests/contract/test_mailbox.py."""

import pytest

from reply_milter.ports.mailbox import Capabilities, MailboxRefusedError, MailboxUnavailableError
from tests.support.scripted_imap import USUAL, Answer, at, scripted


def test_a_plain_server_is_understood() -> None:
    """What the script says when nothing is changed; the tests below change one answer each."""
    with scripted() as server:
        box = at(server)
        opened = box.open()
        assert opened == (7, 9, Capabilities(move=True, uidplus=True, idle=True, keywords=True))
        assert box.uids_after(3) == (5, 8)
        assert box.sizes((3,)) == {3: 20}
        box.close()
    assert server.said[-1] == b"LOGOUT"


def test_sizes_of_others_are_not_believed() -> None:
    """A server may tell of any message at any time, without a UID, too; sizes that are no number are none."""
    told = b"* 9 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 99 RFC822.SIZE 5)\r\n"
    told += b"* 2 FETCH (UID 3 RFC822.SIZE NIL)\r\n@ OK so\r\n"
    with scripted({"UID FETCH": told}) as server:
        box = at(server)
        box.open()
        assert box.sizes((3, 9)) == {}


@pytest.mark.parametrize(
    "answer,found",
    [
        (b"* 1 FETCH (UID 3 BODY[]<0> {5}\r\nhello)\r\n@ OK so\r\n", b"hello"),
        (b"* 1 FETCH (UID 3 BODY[]<0> NIL)\r\n@ OK so\r\n", b""),
        (b'* 1 FETCH (UID 3 BODY[]<0> "hello")\r\n@ OK so\r\n', b"hello"),
        (b"* 1 FETCH (FLAGS (\\Seen))\r\n@ OK so\r\n", None),
        (b"@ OK nothing\r\n", None),
        (b"@ NO [EXPUNGEISSUED] just now\r\n", None),
    ],
)
def test_a_message_as_servers_send_it(answer: bytes, found: bytes | None) -> None:
    """As a literal, quoted, empty, or not at all because it is gone."""
    with scripted({"UID FETCH": answer}) as server:
        box = at(server)
        box.open()
        assert box.fetch(3, 100) == found
    assert server.said[-1] == b"UID FETCH 3 (UID BODY.PEEK[]<0.100>)"


def test_more_than_was_asked_for_is_refused() -> None:
    """A server that ignores the limit."""
    with scripted({"UID FETCH": b"* 1 FETCH (UID 3 BODY[]<0> {5}\r\nhello)\r\n@ OK so\r\n"}) as server:
        box = at(server)
        box.open()
        with pytest.raises(MailboxUnavailableError):
            box.fetch(3, 4)


def test_a_great_mailbox_is_searched_by_pieces() -> None:
    """Of the range of UIDs; the highest one says where it ends."""
    select = USUAL["SELECT"].replace(b"* 3 EXISTS", b"* 200000 EXISTS")
    answers: dict[str, Answer | list[bytes]] = {
        "SELECT": select,
        "UID SEARCH": [b"* SEARCH 120000\r\n@ OK so\r\n", b"@ OK so\r\n", b"* SEARCH 60000 60001\r\n@ OK so\r\n"],
    }
    with scripted(answers) as server:
        box = at(server)
        box.open()
        assert box.uids_after(7) == (60000, 60001)
    assert [line for line in server.said if b"SEARCH" in line] == [
        b"UID SEARCH *",
        b"UID SEARCH UID 8:50007 UNDELETED UNKEYWORD $ReplyMilter",
        b"UID SEARCH UID 50008:100007 UNDELETED UNKEYWORD $ReplyMilter",
    ]


def test_a_message_that_the_server_does_not_give_harms_no_other() -> None:
    """It says no, and the connection stays usable; before, it was made anew again and again."""
    answers: list[bytes] = [
        b"@ NO [SERVERBUG] broken\r\n",
        b"* 1 FETCH (UID 3 BODY[]<0> {5}\r\nhello)\r\n@ NO [SERVERBUG] broken\r\n",
        b"* 1 FETCH (UID 3 BODY[]<0> {5}\r\nhello)\r\n@ OK so\r\n",
    ]
    with scripted({"UID FETCH": answers}) as server:
        box = at(server)
        box.open()
        for ask in (lambda: box.fetch(3, 100), lambda: box.beginnings((3, 5), 100)):
            with pytest.raises(MailboxRefusedError, match="broken"):
                ask()
        assert box.fetch(3, 100) == b"hello"
    assert server.said.count(b'SELECT "INBOX"') == 1


def test_beginnings_come_in_one_command() -> None:
    """Of those that are there; what the server tells of others is passed over."""
    told = b"* 9 FETCH (UID 77 BODY[]<0> {3}\r\nwho)\r\n* 3 FETCH (UID 8 BODY[]<0> NIL)\r\n"
    told += b"* 1 FETCH (UID 3 FLAGS () BODY[]<0> {5}\r\nhello)\r\n@ OK so\r\n"
    with scripted({"UID FETCH": told}) as server:
        box = at(server)
        box.open()
        assert box.beginnings((3, 5, 8), 100) == {3: b"hello", 8: b""}
    assert server.said[-1] == b"UID FETCH 3,5,8 (UID BODY.PEEK[]<0.100>)"


def test_a_longer_beginning_than_was_asked_for_is_refused() -> None:
    """A server that ignores the limit."""
    told = b"* 1 FETCH (UID 3 BODY[]<0> {5}\r\nhello)\r\n@ OK so\r\n"
    with scripted({"UID FETCH": told}) as server:
        box = at(server)
        box.open()
        with pytest.raises(MailboxUnavailableError):
            box.beginnings((3, 5), 4)
