"""Lines that Postfix broke."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import long_lines, read
from tests.support.content_under_test import message
from tests.support.scaling import superlinear


def _broken(line: bytes, line_end: bytes = b"\r\n") -> bytes:
    """As Postfix writes it: 998 octets, then a space and 997 of them."""
    pieces = [line[:998], *(b" " + line[at : at + 997] for at in range(998, len(line), 997))]
    return line_end.join(pieces)


@given(st.lists(st.integers(0, 4000), max_size=4), st.sampled_from([b"\r\n", b"\n"]))
def test_lines_are_joined_as_they_were(lengths: list[int], line_end: bytes) -> None:
    """Any number of them, of any length."""
    lines = [b"abcdefghi"[: length % 9] + b"x" * length for length in lengths]
    assert long_lines.joined(line_end.join(_broken(line, line_end) for line in lines)) == line_end.join(lines)


@pytest.mark.parametrize("length", [1, 76, 997, 999, 1200])
def test_lines_of_another_length_stay(length: int) -> None:
    """Their breaks may be the author's."""
    octets = b"x" * length + b"\r\n and a space"
    assert long_lines.joined(octets) == octets


def test_a_line_that_just_fits_stays_apart_from_the_next() -> None:
    """Unless that begins with a space."""
    assert long_lines.joined(b"x" * 998 + b"\r\ny") == b"x" * 998 + b"\r\ny"


@pytest.mark.parametrize(
    "text,charset",
    [("蓝色的。谢谢。" * 200, "utf-8"), ("青い方をお願いします。" * 200, "iso-2022-jp"), ("Ж" * 3000, "koi8-r")],
)
def test_characters_that_are_broken_in_two_are_whole_again(text: str, charset: str) -> None:
    """The break stands between octets of one character, or within a run of shifted ones."""
    octets = _broken(text.encode(charset)).replace(b"\r\n", b"\n")
    content = read(message(octets, f"Content-Type: text/plain; charset={charset}"))
    assert (content.text, content.flaws) == (text, frozenset())


def test_lines_of_base64_are_not_touched() -> None:
    """A transfer encoding has shorter lines; what it stands for is not broken by an MTA."""
    octets = b"x" * 998 + b"\r\n y"
    encoded = message(
        octets.hex(" ").upper().replace(" ", "=").join(["=", ""]), "Content-Transfer-Encoding: quoted-printable"
    )
    assert read(encoded).text == "x" * 998 + "\n y"


@pytest.mark.parametrize("unit", [b"x" * 998 + b"\r\n ", b"x" * 997, b" " * 997 + b"\n", b"\r\n "])
def test_joining_is_linear(unit: bytes) -> None:
    """Lines that nearly have the length, and none."""
    assert not superlinear(long_lines.joined, partial(lambda size: unit * (size // len(unit))), 200_000)
