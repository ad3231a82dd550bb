"""Verdicts as octets."""

import struct

import pytest

from reply_milter.core.mail.headers import Append, Delete, Edit, Insert, RemoveRecipient, Replace
from reply_milter.core.milter_protocol.answers import CONTINUE, DISCARD, answer, cannot_be_removed
from reply_milter.core.milter_protocol.packets import packet
from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject

FORGED, INTERNAL = reply_for(Reason.FORGED), reply_for(Reason.INTERNAL)


def test_answers() -> None:
    """Continue, refuse with our words, discard, quarantine."""
    assert answer(Accept()) == CONTINUE == b"\0\0\0\x01c"
    assert answer(Discard(Reason.AUTO_REPLY)) == DISCARD == b"\0\0\0\x01d"
    refused = f"{FORGED.code} {FORGED.enhanced} {FORGED.text}".encode() + b"\0"
    assert answer(Reject(Reason.FORGED, FORGED)) == packet(b"y", refused)
    assert answer(Defer(Reason.INTERNAL, INTERNAL)).startswith(struct.pack("!I", len(INTERNAL.text) + 12) + b"y451 ")
    assert answer(Park(Reason.SENDER_MISMATCH, ())) == packet(b"q", b"reply-milter: sender_mismatch\0") + CONTINUE


@pytest.mark.parametrize(
    "edit, expected",
    [
        (Insert("X", "a\n\tb"), packet(b"i", b"\0\0\0\0X\0a\n\tb\0")),
        (Append("X", "ä"), packet(b"h", b"X\0\xc3\xa4\0")),
        (Delete("X", 3), packet(b"m", b"\0\0\0\x03X\0\0")), (Replace("X", 1, "b"), packet(b"m", b"\0\0\0\x01X\0b\0")),
        (RemoveRecipient("<a@b>"), packet(b"-", b"<a@b>\0")),
    ],
)  # fmt: skip
def test_edits_come_before_the_answer(edit: Edit, expected: bytes) -> None:
    """Each is a packet."""
    assert answer(Accept(Reason.OK, (edit,))) == expected + CONTINUE


def test_a_recipient_that_is_not_utf8_stays() -> None:
    """As with libmilter's Python binding; the caller tells of it."""
    odd = RemoveRecipient("<\udcff@b>")
    assert cannot_be_removed(odd)
    assert not cannot_be_removed(RemoveRecipient("<a@b>"))
    assert answer(Accept(Reason.OK, (odd,))) == CONTINUE


@pytest.mark.parametrize("value", ["a\0b", "\udcff"])
def test_what_cannot_be_written_is_an_error(value: str) -> None:
    """A NUL would end the text early: the message is deferred instead."""
    with pytest.raises(ValueError, match=r"NUL|utf-8"):
        answer(Accept(Reason.OK, (Append("X", value),)))
