"""Messages leave the mailbox one by one, and no other with them."""

import pytest

from reply_milter.ports.mailbox import MailboxRefusedError, Removal
from tests.support.scripted_imap import USUAL, Answer, at, scripted

_BARE = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n@ OK so\r\n"


def test_never_a_plain_expunge() -> None:
    """Without MOVE, copied first; others' deleted messages stay."""
    offered = USUAL["CAPABILITY"].replace(b" MOVE", b"")
    copied = b"@ OK [COPYUID 1 3 1] done\r\n"
    answers = {
        "CAPABILITY": offered, "UID COPY": copied, "UID EXPUNGE": b"@ OK so\r\n",
        "UID STORE": b"* 1 FETCH (UID 3 FLAGS (\\Deleted))\r\n@ OK so\r\n",
    }  # fmt: skip
    with scripted(answers) as server:
        box = at(server)
        box.open()
        assert box.move(3, "Replies/Rejected") is Removal.REMOVED
        assert box.delete(3) is Removal.REMOVED
    taken_out = [line for line in server.said if line.split()[0] in (b"UID", b"EXPUNGE", b"CLOSE")]
    assert taken_out == [
        b'UID COPY 3 "Replies/Rejected"', b"UID STORE 3 +FLAGS (\\Deleted)", b"UID EXPUNGE 3",
        b"UID STORE 3 +FLAGS (\\Deleted)", b"UID EXPUNGE 3",
    ]  # fmt: skip


def test_without_move_and_uidplus_nothing_is_marked_as_deleted() -> None:
    """Our keyword is set; without room for keywords, nothing at all is changed."""
    answers = {"CAPABILITY": _BARE, "UID STORE": b"@ OK so\r\n"}
    with scripted(answers) as server:
        box = at(server)
        box.open()
        assert box.move(3, "Replies/Rejected") is Removal.MARKED
        assert box.delete(3) is Removal.MARKED
    assert server.said[-2:] == [b"UID STORE 3 +FLAGS ($ReplyMilter)"] * 2
    select = USUAL["SELECT"].replace(b" \\*", b"")
    with scripted({**answers, "SELECT": select}) as server:
        box = at(server)
        box.open()
        assert box.move(3, "Replies/Rejected") is Removal.MARKED
    assert not any(b"STORE" in line for line in server.said)


def test_a_full_folder_says_so_and_the_mailbox_stays_usable() -> None:
    """The server's words go along; the message stays."""
    with scripted({"UID MOVE": b"@ NO [OVERQUOTA] Quota exceeded\r\n"}) as server:
        box = at(server)
        box.open()
        with pytest.raises(MailboxRefusedError, match=r"takes no message: .*Quota exceeded"):
            box.move(3, "Replies/Rejected")
        assert box.uids_after(0) == (3, 5, 8)


def test_a_folder_that_was_removed_meanwhile_is_made_again() -> None:
    """Without a new connection."""
    there = b'* LIST () "/" "Replies/Rejected"\r\n@ OK so\r\n'
    answers: dict[str, Answer | list[bytes]] = {
        "LIST": [USUAL["LIST"], there, b"@ OK so\r\n"],
        "UID MOVE": [b"@ NO [TRYCREATE] gone\r\n", b"* OK [COPYUID 1 3 1]\r\n@ OK so\r\n"],
        "CREATE": b"@ OK so\r\n",
        "SUBSCRIBE": b"@ OK so\r\n",
    }
    with scripted(answers) as server:
        box = at(server)
        box.open()
        assert box.move(3, "Replies/Rejected") is Removal.REMOVED
    assert b'CREATE "Replies/Rejected"' in server.said


def test_gmails_deleted_messages_go_into_its_trash() -> None:
    """An expunged message would stay in its archive; the trash has another name in each language."""
    offered = USUAL["CAPABILITY"].replace(b"MOVE", b"MOVE X-GM-EXT-1")
    listed = b'* LIST (\\HasNoChildren) "/" "INBOX"\r\n* LIST (\\Trash) "/" "[Gmail]/Papierkorb"\r\n@ OK so\r\n'
    moved = b"* OK [COPYUID 1 3 1] x\r\n@ OK so\r\n"
    with scripted({"CAPABILITY": offered, "LIST": [USUAL["LIST"], listed], "UID MOVE": moved}) as server:
        box = at(server)
        box.open()
        assert box.delete(3) is Removal.REMOVED
    assert server.said[-1] == b'UID MOVE 3 "[Gmail]/Papierkorb"'
