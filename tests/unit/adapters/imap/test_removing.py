"""Messages leave the mailbox one by one, and no other with them."""

import pytest

from reply_milter.ports.mailbox import MailboxUnavailableError, Refusal, Removal
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
        assert box.move((3,), "Replies/Rejected") == {3: Removal.REMOVED}
        assert box.delete((3,)) == {3: Removal.REMOVED}
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
        assert box.move((3, 5), "Replies/Rejected") == {3: Removal.MARKED, 5: Removal.MARKED}
        assert box.delete((3, 5)) == {3: Removal.MARKED, 5: Removal.MARKED}
    assert server.said[-2:] == [b"UID STORE 3,5 +FLAGS ($ReplyMilter)"] * 2
    select = USUAL["SELECT"].replace(b" \\*", b"")
    with scripted({**answers, "SELECT": select}) as server:
        box = at(server)
        box.open()
        assert box.move((3,), "Replies/Rejected") == {3: Removal.MARKED}
    assert not any(b"STORE" in line for line in server.said)


def test_a_full_folder_says_so_and_the_mailbox_stays_usable() -> None:
    """The server's words go along; the message stays."""
    with scripted({"UID MOVE": b"@ NO [OVERQUOTA] Quota exceeded\r\n"}) as server:
        box = at(server)
        box.open()
        refusal = box.move((3,), "Replies/Rejected")[3]
        assert isinstance(refusal, Refusal) and "takes no message: [OVERQUOTA] Quota exceeded" in refusal.why
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
        assert box.move((3,), "Replies/Rejected") == {3: Removal.REMOVED}
    assert b'CREATE "Replies/Rejected"' in server.said


def test_gmails_deleted_messages_go_into_its_trash() -> None:
    """An expunged message would stay in its archive; the trash has another name in each language."""
    offered = USUAL["CAPABILITY"].replace(b"MOVE", b"MOVE X-GM-EXT-1")
    listed = b'* LIST (\\HasNoChildren) "/" "INBOX"\r\n* LIST (\\Trash) "/" "[Gmail]/Papierkorb"\r\n@ OK so\r\n'
    moved = b"* OK [COPYUID 1 3 1] x\r\n@ OK so\r\n"
    with scripted({"CAPABILITY": offered, "LIST": [USUAL["LIST"], listed], "UID MOVE": moved}) as server:
        box = at(server)
        box.open()
        assert box.delete((3,)) == {3: Removal.REMOVED}
    assert server.said[-1] == b'UID MOVE 3 "[Gmail]/Papierkorb"'


def test_one_that_is_refused_harms_no_other() -> None:
    """MOVE of several fails in the middle: what it moved counts, and each of the others is tried alone."""
    moves: list[bytes] = [
        b"* OK [COPYUID 1 3 1]\r\n* 1 EXPUNGE\r\n@ NO not all of them\r\n",
        b"@ NO [SERVERBUG] this one is broken\r\n",
        b"* OK [COPYUID 1 8 2]\r\n@ OK so\r\n",
    ]
    there = b'* LIST () "/" "Replies/Rejected"\r\n@ OK so\r\n'
    answers: dict[str, Answer | list[bytes]] = {"LIST": [USUAL["LIST"], there], "UID MOVE": moves}
    with scripted(answers) as server:
        box = at(server)
        box.open()
        found = box.move((3, 5, 8), "Replies/Rejected")
    assert (found[3], found[8]) == (Removal.REMOVED, Removal.REMOVED)
    assert isinstance(found[5], Refusal) and "this one is broken" in found[5].why
    moved = [line for line in server.said if line.startswith(b"UID MOVE")]
    assert moved == [b'UID MOVE %s "Replies/Rejected"' % uids for uids in (b"3,5,8", b"5", b"8")]


@pytest.mark.parametrize(
    "told,moved", [(b"1 3:5,8 1:3", {3, 5, 8}), (b"1 8,5:4 1:2", {5, 8}), (b"1 1:4294967295 1", {3, 5, 8})]
)
def test_copyuid_says_which_messages_were_moved(told: bytes, moved: set[int]) -> None:
    """The others were gone. Ranges may be written in either order, and be larger than the truth."""
    with scripted({"UID MOVE": b"* OK [COPYUID %s] x\r\n@ OK so\r\n" % told}) as server:
        box = at(server)
        box.open()
        found = box.move((3, 5, 8), "INBOX")
    assert found == {uid: Removal.REMOVED if uid in moved else Removal.GONE for uid in (3, 5, 8)}


@pytest.mark.parametrize("told", [b"1", b"1 x 3", b"1 3:y 4"])
def test_a_copyuid_that_is_none_ends_the_connection(told: bytes) -> None:
    """The next look finds out what is left."""
    with scripted({"UID MOVE": b"* OK [COPYUID %s] x\r\n@ OK so\r\n" % told}) as server:
        box = at(server)
        box.open()
        with pytest.raises(MailboxUnavailableError):
            box.move((3, 5, 8), "INBOX")


def test_a_message_without_a_number_is_another() -> None:
    """While messages are deleted, a server may tell of others' flags."""
    answers = {
        "CAPABILITY": USUAL["CAPABILITY"].replace(b" MOVE", b""), "UID EXPUNGE": b"@ OK so\r\n",
        "UID STORE": b"* 3 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 5 FLAGS (\\Deleted))\r\n@ OK so\r\n",
    }  # fmt: skip
    with scripted(answers) as server:
        box = at(server)
        box.open()
        assert box.delete((3, 5)) == {3: Removal.GONE, 5: Removal.REMOVED}
