"""Edits as an MTA makes them."""

import pytest

from reply_milter.core.mail.edited import edited, written
from reply_milter.core.mail.headers import Append, Delete, Edit, Insert, RemoveRecipient, Replace
from reply_text.syntax.message_file import split

FIELDS = [("A", "1"), ("b", "2"), ("a", "3")]


def test_each_edit_sees_what_the_ones_before_it_did() -> None:
    """Fields are counted by name, case aside, from 1; what is put on top is the first of its name."""
    edits: list[Edit] = [
        Insert("A", "0"),
        Delete("a", 2),
        Replace("A", 2, "4"),
        Append("C", "5"),
        RemoveRecipient("<a@b>"),
    ]
    assert edited(FIELDS, edits) == [("A", "0"), ("b", "2"), ("A", "4"), ("C", "5")]


def test_a_field_that_is_not_there_is_an_error() -> None:
    """No MTA would do what was meant."""
    with pytest.raises(LookupError):
        edited(FIELDS, [Delete("a", 3)])


def test_what_is_written_is_read_again() -> None:
    """Folded values too; every line ends in CRLF."""
    message = written([("A", "x\n\ty"), ("B", "z")], b"Hi\r\n")
    assert message == b"A: x\r\n\ty\r\nB: z\r\n\r\nHi\r\n"
    assert split(message) == ([("A", " x\n\ty"), ("B", " z")], b"Hi\r\n")
