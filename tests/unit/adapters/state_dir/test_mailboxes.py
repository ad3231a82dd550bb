"""What is on record about mailboxes survives, and two mailboxes do not mix."""

import sqlite3
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.deliveries import RecordError
from reply_milter.adapters.state_dir.mailboxes import MailboxRecord
from reply_milter.ports.fetching import OpenMessage


def test_open_messages_fall_due_in_order(tmp_path: Path) -> None:
    """And are there for the next process."""
    record = MailboxRecord(tmp_path, "a")
    assert (record.begin(7), record.next_due()) == (0, None)
    messages = [OpenMessage(1, due=30), OpenMessage(2, "id", "seal", 3, 10, 5), OpenMessage(3, due=20)]
    record.put(messages)
    record.close(5, [1], [OpenMessage(4, due=40)])
    again = MailboxRecord(tmp_path, "a")
    assert (again.begin(7), again.next_due()) == (5, 10)
    assert again.due(20, 10) == [messages[1], messages[2]]
    assert again.due(40, 1) == [messages[1]]
    assert again.known([1, 2, 3, 5]) == {2, 3}


def test_what_was_looked_at_never_goes_back(tmp_path: Path) -> None:
    """Two processes may end in any order."""
    record = MailboxRecord(tmp_path, "a")
    record.begin(7)
    record.close(9, (), ())
    record.close(4, (), ())
    assert record.begin(7) == 9


def test_another_uidvalidity_forgets_this_mailbox_alone(tmp_path: Path) -> None:
    """Its UIDs mean nothing any more."""
    one, other = MailboxRecord(tmp_path, "a"), MailboxRecord(tmp_path, "b")
    for record in (one, other):
        record.begin(7)
        record.close(5, (), [OpenMessage(2)])
    assert (one.begin(8), one.next_due()) == (0, None)
    assert (other.begin(7), other.next_due()) == (5, 0)


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """The message says what to do."""
    with sqlite3.connect(tmp_path / "mailboxes.sqlite") as sql:
        sql.execute("PRAGMA user_version = 2")
    sql.close()
    with pytest.raises(RecordError, match="later version"):
        MailboxRecord(tmp_path, "a")


def test_a_damaged_file_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """Also while it is open."""
    (tmp_path / "mailboxes.sqlite").write_bytes(b"x" * 5000)
    with pytest.raises(RecordError, match=r"mailboxes\.sqlite"):
        MailboxRecord(tmp_path, "a")


def test_a_host_keeps_its_name(tmp_path: Path) -> None:
    """For all of its mailboxes, after a restart, too; a file that is older gets one."""
    (tmp_path / "other").mkdir()
    name = MailboxRecord(tmp_path, "a").host
    assert name == MailboxRecord(tmp_path, "a").host == MailboxRecord(tmp_path, "b").host
    assert name != MailboxRecord(tmp_path / "other", "a").host
    with sqlite3.connect(tmp_path / "mailboxes.sqlite") as sql:
        sql.execute("DROP TABLE host")
    assert len(MailboxRecord(tmp_path, "a").host) == len(name)
