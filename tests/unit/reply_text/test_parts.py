"""MIME structure."""

import pytest

from reply_text import Flaw, Limits
from reply_text.parts import Opening, Part
from tests.support.content_under_test import message, multipart, whole


def _leaves(octets: bytes) -> list[bytes]:
    return [octets[leaf.start : leaf.end] for leaf in Opening(octets, Limits()).root().leaves()]


def test_a_message_without_parts_is_its_own_leaf() -> None:
    """Its body goes to the end."""
    assert _leaves(message("Hello\n")) == [b"Hello\r\n"]


def test_parts_end_before_the_line_end_of_the_delimiter() -> None:
    """RFC 2046 section 5.1.1: it belongs to the delimiter."""
    octets = whole(multipart("mixed", "\na", "X: y\n\nb\n", "\n"))
    assert _leaves(octets) == [b"a", b"b\r\n", b""]


@pytest.mark.parametrize(
    "body,leaves",
    [
        ("--b\n\na\n--b\n\nc", [b"a", b"c"]),
        ("preamble\n--b\n\na\n--b--\nepilogue\n--b\n\nc\n--b--", [b"a"]),
        ("--b  \n\na\n--b-- \t\n", [b"a"]),
        ("--bb\n\na\n--b\n\nc\n--b--", [b"c"]),
        ("x--b\n--b\n\na\nx--b\n--b--", [b"a\r\nx--b"]),
        ("--b\n--b\n\na\n--b--", [b"", b"a"]),
        ("--b--", [b"--b--"]),
        ("none at all", [b"none at all"]),
        ("--b", [b""]),
    ],
)
def test_delimiters_stand_on_lines_of_their_own(body: str, leaves: list[bytes]) -> None:
    """Missing, doubled and false ones."""
    assert _leaves(message(body, "Content-Type: multipart/mixed; boundary=b")) == leaves


def test_an_inner_boundary_may_begin_with_the_outer_one() -> None:
    """`--b` is no delimiter in `--b2`."""
    inner = multipart("alternative", "\na", "\nb", boundary="b2")
    assert _leaves(whole(multipart("mixed", inner, "\nc", boundary="b"))) == [b"a", b"b", b"c"]


def test_depth_and_number_are_bounded() -> None:
    """What lies beyond stays closed, and the flaws say so."""
    nested = "\na"
    for level in range(5):
        nested = multipart("mixed", nested, boundary=f"b{level}")
    opening = Opening(whole(nested), Limits(depth=3))
    (leaf,) = opening.root().leaves()
    assert (leaf.unopened, leaf.is_multipart, opening.flaws) == (True, True, {Flaw.TOO_DEEP})

    opening = Opening(whole(multipart("mixed", *["\na"] * 20)), Limits(parts=5))
    assert (len(list(opening.root().leaves())), opening.flaws) == (4, {Flaw.PARTS_CUT})


def test_fields_of_parts_are_found_by_their_names() -> None:
    """The first of them counts."""
    part = Part([("X", " 1"), ("x", " 2")], Opening(b"", Limits()).root().content_type, 0, 0, 0)
    assert (part.value("x"), part.value("y")) == (" 1", "")
