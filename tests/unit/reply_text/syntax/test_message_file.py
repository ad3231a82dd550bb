"""A message as it lies in a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text.syntax.message_file import as_sent, split
from tests.support.processes.clocked import HOSTILE_OCTETS, hostile, in_time


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_header_ends_at_the_first_empty_line(end: bytes) -> None:
    """Lines end in CRLF or LF; the body is left as it is."""
    message = end.join([b"From: a@b", b"Subject: x", b"", b"Hello: not a field", b""])
    assert split(message) == ([("From", " a@b"), ("Subject", " x")], b"Hello: not a field" + end)


@pytest.mark.parametrize(
    "message,fields,body",
    [
        (b"", [], b""),
        (b"\n", [], b""),
        (b"A: b", [("A", " b")], b""),
        (b"A: b\n\tc\n d\n\nx", [("A", " b\n\tc\n d")], b"x"),
        (b"From x Mon\nA: b\n\nx", [("A", " b")], b"x"),
        (b"From : x\nA: b\n\nx", [("A", " b")], b"x"),
        (b">from x\nFROM y\nFrom: a\n\nx", [("From", " a")], b"x"),
        (b"From x", [], b""),
        (b"A: b\nFrom x\n", [("A", " b")], b"From x\n"),
        (b"A : b\n\n", [("A", " b")], b""),
        (b"A:\n\n", [("A", "")], b""),
        (b"A: b: c\n\n", [("A", " b: c")], b""),
        (b"no field\nA: b\n", [], b"no field\nA: b\n"),
        (b"A: b\nno field\nC: d\n", [("A", " b")], b"no field\nC: d\n"),
        (b" leading\nA: b\n", [], b" leading\nA: b\n"),
        (b": x\n", [], b": x\n"),
        (b"A: \xff\n\n\xfe", [("A", " \udcff")], b"\xfe"),
        (b"A: b\x0bc\x0cd\x85e\n\n", [("A", " b\x0bc\x0cd\udc85e")], b""),
        (b"A: b\rC: d\n\n", [("A", " b\rC: d")], b""),
    ],
)
def test_odd_messages_are_split_where_an_mta_would(message: bytes, fields: list[tuple[str, str]], body: bytes) -> None:
    """RFC 5322 section 2.2: the first line that is no field begins the body. Only LF ends a line."""
    assert split(message) == (fields, body)


@pytest.mark.parametrize(
    "body,sent",
    [
        (b"", b""),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\n\nb", b"a\r\n\r\nb\r\n"),
        (b"a\rb", b"a\rb\r\n"),
    ],
)
def test_a_body_is_counted_as_it_is_sent(body: bytes, sent: bytes) -> None:
    """A line end is two octets on its way, however the file has it."""
    assert as_sent(body) == sent


@given(st.binary(max_size=300) | st.text(st.sampled_from("Aa: \t\r\n\x00é"), max_size=80).map(str.encode))
def test_any_octets_are_a_message(message: bytes) -> None:
    """No octets make it fail; the body is the end of the message."""
    fields, body = split(message)
    assert message.endswith(body)
    assert all(name and ":" not in name for name, _ in fields)


@pytest.mark.parametrize("piece", ["A: b\n", "\n", ":", "a", "\r", "A:\n", " x"])
def test_hostile_message_costs_little(piece: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        split(hostile(piece).encode())


def test_continuation_lines_cost_little() -> None:
    """One field of very many lines, twice the size, so that copying shows on a fast machine, too."""
    with in_time():
        split(b"A: b\n" + hostile(" \n", 2 * HOSTILE_OCTETS).encode())
