"""Transfer encodings undone."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import transfer


@pytest.mark.parametrize(
    "octets,encoding,plain",
    [
        (b"SGVsbG8=", "base64", b"Hello"),
        (b"SGVs\r\nbG8=\r\n", " Base64 ", b"Hello"),
        (b"SGVsbG8", "base64", b"Hello"),
        (b"a=3Db=\r\nc=\r\n", "quoted-printable", b"a=bc"),
        (b"a=3Db", "7bit", b"a=3Db"),
        (b"\xff\x00", "binary", b"\xff\x00"),
        (b"abc", "", b"abc"),
    ],
)
def test_what_is_in_order_is_undone(octets: bytes, encoding: str, plain: bytes) -> None:
    """RFC 2045 section 6."""
    assert transfer.decode(octets, encoding) == (plain, True, b"")


@pytest.mark.parametrize(
    "octets,encoding,plain",
    [
        (b"Hello, this is no base64.", "base64", b"Hello, this is no base64."),
        (b"Yes please", "base64", b"Yes please"),
        (b"/usr/share/doc/reply/milter/examples/postfix/main/cf/yes, there", "base64",
         b"/usr/share/doc/reply/milter/examples/postfix/main/cf/yes, there"),
        (b"SGVsb", "base64", b"Hel"),
        (b"abc", "x-uuencode", b"abc"),
    ],
)  # fmt: skip
def test_what_is_not_in_order_says_so(octets: bytes, encoding: str, plain: bytes) -> None:
    """Nothing raises, and what can be read is read."""
    assert transfer.decode(octets, encoding) == (plain, False, b"")


_LINE = b"T25lIGxpbmUgb2YgYmFzZTY0LCB3aGljaCBpcyBmaWZ0eS1zZXZlbiBvY3RldHMgaW4gYWxsLCB5\n"
_PLAIN = b"One line of base64, which is fifty-seven octets in all, y"


@pytest.mark.parametrize(
    "octets,plain,rest",
    [
        (b"SGVsbG8=\r\n-- \r\na list's footer", b"Hello", b"-- \r\na list's footer"),
        (b"[EXTERNAL] beware\n\nSGVsbG8=\n", b"Hello", b"[EXTERNAL] beware"),
        (b"CAUTION\nSGVsbG8=\nConfidential\nThank\n", b"Hello", b"CAUTION\nConfidential\nThank"),
        (b"\xef\xbb\xbfSGVsbG8=\n", b"Hello", b""),
        (b"SGVsbG8=IHRoZXJl\nbye!", b"Hello there", b"bye!"),
        (b"SGVsbG8=\nIHRoZXJl\n", b"Hello there", b""),
        (_LINE * 2 + b"b3Vycw==\n\n=====\nThe end.", _PLAIN * 2 + b"ours", b"=====\nThe end."),
        (_LINE * 2 + b"Regards, Jane", _PLAIN * 2, b"Regards, Jane"),
        (_LINE + b"b3Vycw==\nJane\nDoe1", _PLAIN + b"ours", b"Jane\nDoe1"),
        (_LINE[:30] + b"*" + _LINE[30:], _PLAIN, b""),
        (_LINE[:30] + b"\0" + _LINE[30:] + _LINE + b"b3Vycw==", _PLAIN * 2 + b"ours", b""),
        (b"SGVsbG8=\n" + b"/" * 60 + b"\n/usr/share/doc/reply/milter/examples/postfix/main/cf\nx!", b"Hello",
         b"/" * 60 + b"\n/usr/share/doc/reply/milter/examples/postfix/main/cf\nx!"),
        (b"SGVsbG8=\nhttps://lists.example.net/mailman/listinfo/sales", b"Hello",
         b"https://lists.example.net/mailman/listinfo/sales"),
    ],
)  # fmt: skip
def test_base64_with_text_around_it_is_told_from_that_text(octets: bytes, plain: bytes, rest: bytes) -> None:
    """Footers, banners, byte order marks, stray characters; words, rows, paths and links are text."""
    assert transfer.decode(octets, "base64") == (plain, False, rest)


@given(st.binary(min_size=1, max_size=300), st.sampled_from([b"-- \r\nthe end.\r\n", b"[beware] of it!\n", b"a, b\n"]))
def test_long_base64_is_found_below_and_above_text(octets: bytes, text: bytes) -> None:
    """Whatever it stands for, if it has two long lines."""
    encoded = base64.encodebytes(octets)
    found = transfer.decode(text + encoded + text, "base64")
    assert len(octets) < 58 or found == (octets, False, (text * 2).strip())


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "8bit", "x"]))
def test_any_octets_can_be_undone(octets: bytes, encoding: str) -> None:
    """And never become more."""
    found = transfer.decode(octets, encoding)
    assert len(found.octets) + len(found.rest) <= len(octets)


def test_a_file_is_not_searched_line_by_line() -> None:
    """Several megabytes of lines would take many times their octets; up to its first padding, it is read as ever."""
    piece = base64.encodebytes(bytes(range(256)) * 4096 + b"x")
    assert piece.endswith(b"=\n") and len(piece) * 4 > 4 << 20
    assert transfer.decode(piece * 2, "base64").octets == (bytes(range(256)) * 4096 + b"x") * 2
    assert transfer.decode(piece * 4, "base64") == (bytes(range(256)) * 4096 + b"x", False, b"")
