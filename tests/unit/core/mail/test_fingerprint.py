"""What makes two arrivals the same message."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.mail.fingerprint import BodyDigest, squeeze

BODIES = st.binary(max_size=200)


def digest(*chunks: bytes) -> str:
    """The digest of a body that comes in these pieces."""
    body = BodyDigest()
    for chunk in chunks:
        body.feed(chunk)
    return body.text()


@given(BODIES, BODIES)
def test_pieces_do_not_matter(one: bytes, other: bytes) -> None:
    """An MTA cuts a body where it likes."""
    assert digest(one, other) == digest(one + other)


@given(BODIES)
def test_white_space_does_not_matter(body: bytes) -> None:
    """Relays wrap long lines: SP, HTAB, CR and LF are left out, nothing else."""
    plain = bytes(octet for octet in body if octet not in b" \t\r\n")
    assert digest(b" ".join(body[at : at + 1] for at in range(len(body))) + b"\r\n\t") == digest(plain)


def test_other_white_space_counts() -> None:
    """Form feeds, vertical tabs and no-break spaces are text."""
    assert len({digest(b"a" + extra) for extra in (b"", b"\f", b"\v", b"\x00", b"\xa0", b"\xc2\xa0")}) == 6


def test_digest_is_the_leftmost_130_bits_of_sha_256() -> None:
    """26 base32 characters; the whole for the claim."""
    body = BodyDigest()
    body.feed(b"a b")
    assert body.octets() == hashlib.sha256(b"ab").digest()
    assert len(body.text()) == 26


def test_header_value_is_squeezed_to_its_octets() -> None:
    """Folding does not count; what was never decoded comes back as it was."""
    assert squeeze(" Re:\r\n\ta  b\udcff é") == b"Re:ab\xff\xc3\xa9"
