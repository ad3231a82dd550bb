"""Transfer encodings undone."""

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
    assert transfer.decode(octets, encoding) == (plain, True)


@pytest.mark.parametrize(
    "octets,encoding,plain",
    [
        (b"SGVsbG8=\r\n-- \r\na list's footer", "base64", b"Hello"),
        (b"Hello, this is no base64.", "base64", b"Hello, this is no base64."),
        (b"SGVsb", "base64", b"Hel"),
        (b"abc", "x-uuencode", b"abc"),
    ],
)
def test_what_is_not_in_order_says_so(octets: bytes, encoding: str, plain: bytes) -> None:
    """Nothing raises, and what can be read is read."""
    assert transfer.decode(octets, encoding) == (plain, False)


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "8bit", "x"]))
def test_any_octets_can_be_undone(octets: bytes, encoding: str) -> None:
    """And never become more."""
    assert len(transfer.decode(octets, encoding).octets) <= len(octets)
