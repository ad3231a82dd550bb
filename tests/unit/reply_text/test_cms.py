"""What an opaque signature encloses."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import Flaw, cms, read
from tests.support.scaling import superlinear

_SIGNED, _ENVELOPED = bytes.fromhex("06092a864886f70d010702"), bytes.fromhex("06092a864886f70d010703")
_DATA = bytes.fromhex("06092a864886f70d010701")
_CERTIFICATE = b"\xa0\x03\x30\x01x"  # [0], as the content has
_OPEN = bytes.fromhex("308006092a864886f70d010702a0803080020101")  # up to the digests, with lengths left open
_OPEN_CONTENT = bytes.fromhex("3100308006092a864886f70d010701a080")


def _element(tag: int, content: bytes) -> bytes:
    length = len(content).to_bytes(4, "big")
    return bytes((tag, 0x84)) + length + content


def _signed(content: bytes, kind: bytes = _SIGNED, behind: bytes = b"") -> bytes:
    enclosed = _element(0x30, _DATA + content)
    data = _element(0x30, b"\x02\x01\x01" + b"\x31\x00" + enclosed + behind)
    return _element(0x30, kind + _element(0xA0, data))


def _message(encoded: bytes) -> bytes:
    return b"From: a@b.example\r\nContent-Type: application/pkcs7-mime\r\n\r\n" + encoded


@given(st.binary(max_size=200))
def test_content_is_returned_as_it_is(content: bytes) -> None:
    """In one piece, in pieces, in pieces of pieces; with lengths, or up to two zero octets."""
    text = _element(0x04, content)
    pieces = b"".join(_element(0x04, content[at : at + 7]) for at in range(0, len(content), 7))
    for written in (
        text,
        _element(0x24, pieces),
        b"\x24\x80" + pieces + b"\0\0",
        b"\x24\x80\x24\x80" + text + b"\0" * 4,
    ):
        assert cms.signed_content(_signed(_element(0xA0, written), behind=_CERTIFICATE)) == content
        assert cms.signed_content(_OPEN + _OPEN_CONTENT + written + b"\0" * 8) == content


def test_a_signature_apart_encloses_nothing() -> None:
    """Certificates that follow bear the same tag as the content would."""
    assert cms.signed_content(_signed(b"", behind=_CERTIFICATE)) == b""


@pytest.mark.parametrize(
    "octets", [b"", b"0", b"0\x80", b"0\xff" + b"\xff" * 200, _signed(b"", kind=_ENVELOPED), _signed(b"\xa0\x02\x05\0")]
)
def test_what_is_encrypted_or_broken_is_not_read(octets: bytes) -> None:
    """It is reported, and stays an attachment."""
    assert cms.signed_content(octets) is None
    content = read(_message(octets))
    assert content.flaws == {Flaw.UNREADABLE, Flaw.TEXT_ELSEWHERE}
    assert [file.octets for file in content.attachments] == [octets]


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300))
def test_any_octets_are_looked_at(octets: bytes, start: int, end: int) -> None:
    """Nothing raises."""
    whole = _signed(_element(0xA0, _element(0x04, b"a: b\r\n\r\nc")))
    cms.signed_content(octets)
    cms.signed_content(whole[:start] + octets + whole[end:])


@pytest.mark.parametrize(
    "head,unit",
    [
        (_OPEN, b"\x31\x80"),
        (_OPEN, b"\x31\0"),
        (_OPEN + _OPEN_CONTENT, b"\x24\x80"),
        (_OPEN + _OPEN_CONTENT + b"\x24\x80", b"\x04\x01a"),
        (_OPEN + _OPEN_CONTENT + b"\x24\x80", b"\x24\x80\x04\x01a\0\0"),
    ],
)
def test_reading_is_linear(head: bytes, unit: bytes) -> None:
    """Nesting and pieces without end."""
    octets = partial(lambda size: head + unit * (size // len(unit)))
    assert not superlinear(cms.signed_content, octets, 200_000)


def test_text_without_a_field_of_mime_is_text() -> None:
    """Some programs sign the words alone; their first line may look like a field."""
    assert (
        read(_message(_signed(_element(0xA0, _element(0x04, b"Answer: blue\r\n\r\nJane"))))).text
        == "Answer: blue\n\nJane"
    )


def _nested(depth: int, text: bytes) -> bytes:
    for _ in range(depth):
        text = b"Content-Type: application/pkcs7-mime\r\n\r\n" + _signed(_element(0xA0, _element(0x04, text)))
    return b"From: a@b.example\r\n" + text


def test_signatures_around_signatures_are_kept_once() -> None:
    """The outermost holds the others: a message of many would become many times as large."""
    entity = b"Content-Type: text/plain\r\n\r\nYes."
    for depth in (1, 2, 3):
        message = _nested(depth, entity)
        content = read(message)
        assert (content.stripped, len(content.attachments)) == ("Yes.", 1)
        assert content.flaws == frozenset()
    content = read(_nested(4, entity))
    assert content.flaws == {Flaw.TOO_DEEP, Flaw.TEXT_ELSEWHERE}
    assert (content.text, len(content.attachments)) == ("", 1)
