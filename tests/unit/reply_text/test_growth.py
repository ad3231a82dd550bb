"""Time and memory grow with the message, and with nothing else.

No absolute times: machines differ. Work is counted as ``scaling.superlinear`` says; a square
shows there.
"""

import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import islice

import pytest

from reply_milter.core.redaction import redact, redact_message
from reply_text import Limits, read
from reply_text.html_text import render
from reply_text.lines import of_text
from reply_text.stripping import strip
from tests.support.content_under_test import ADDRESS, FORM, message
from tests.support.scaling import superlinear

_TEXT = 64_000  # characters
_MARKER = "-- reply above this line --"
_UNLIMITED = Limits(text_characters=1 << 30, html_characters=1 << 30)

_TEXTS = [
    "On ", "On Mon, 23 Nov 2026 11:00, Jane <a@b.c> wrote:\n", "wrote:\n", "a@b.c 11:00 1999:\n", ">", ">\n",
    "> a\nb\n", "On 1:11 a@b.c wrote:\n> a\nb\n", "From: a\n", "A:\n", "From: a@b\nDate: 1\nTo: c\n\n", "to: a@b;\n",
    "-", "-- \n",
    "--\n", "--\nx\n", "\n", " ", "-----Original Message-----\n", "_____\n", "Sent from my iPhone\n", "a prose line\n",
    "| From | a@b |\n", "|--->\n| a: |\n|--->\n", "     To   Subject a@b 1:11 1999\n", "     x\n", "x: a@b 1:11 1999\n",
    ">>> a 1:11 1/1/11 >>>\n", " > a\n", "C> a\n", "<a@b> 1:11 1999:\n > c\n", "<\na@b\n> c\n", "Jane wrote:\n> a\n",
    "> " + "a" * 60 + "\n" + "b" * 20 + "\n", "> " + "a" * 60 + "\n\n", "--- x ---\n", "\u200f", "\u0661\n",
    "-" * 499 + "x\n", "@" * 400 + ":\n", "<a@b\n>", "1:1 " * 100 + "@:\n", f"{_MARKER}\n", "*" * 99 + "\n", "<", "(\n",
    "-----BEGIN PGP SIGNED MESSAGE-----\n", "-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----\n",
    "-----BEGIN PGP SIGNED MESSAGE-----\n\na\n-----BEGIN PGP SIGNATURE-----\naa\n-----END PGP SIGNATURE-----\n",
    "-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----\n" + "a\n" * 198,
    "Outlook <https://aka.ms/AAb9ysg>", "<https://a> ", "Sent from my iPhone ",
]  # fmt: skip
_HTML = [
    "<div>", "<b>", "</div>", "<div></p>", "<blockquote>a", "<blockquote type=cite>a</blockquote>b", "<a b=", "<a b='",
    '<a b="', "<a =", "<!--", "<![CDATA[", "<", "</", "<!", "<?", "<a", "&", "&#1", "&#x", "&a", "&lt;", "<td>",
    "<table><tr><td>", "<li>", "<ul>", "<ul><li>", "<script>", "<style></style", "<textarea>", "<title>", "<pre>\n",
    "<br>", "\n",
    "<a href=http://a>b</a>", "<a href=http://a>b", "x</a>", "<img alt=a>", "<p class=Mso>a", "<svg>", "&nbsp;", " ",
    "<div class='gmail_attr'>a", "<div id=appendonsend>", "<div style='white-space:pre'>a\n",
    "<div style='border-top:1pt solid rgb(225,225,225);border-left:none'>a", "<div style='border:a;border:",
]  # fmt: skip
_ADDRESSES = [
    "reply+", "=reply+", "reply+a@", ADDRESS[:40], ADDRESS, "@reply.example.com", "reply%25252", "reply&#0000",
    "%3Areply", "reply+a@reply.example.co ", '"', "redacted@",
]  # fmt: skip


def _fill(piece: str, size: int) -> str:
    return piece * (size // len(piece))


@pytest.mark.parametrize("piece", _TEXTS)
def test_stripping_is_linear(piece: str) -> None:
    """What stalls every library for it, and what might stall this one."""
    assert not superlinear(lambda text: strip(of_text(text), _MARKER), partial(_fill, piece), _TEXT)


@pytest.mark.parametrize("piece", _HTML)
@pytest.mark.parametrize("opening", ["", "<div>" * 1000 + "<a href=http://a>"])
def test_rendering_is_linear(piece: str, opening: str) -> None:
    """Nesting, attributes, comments, tables and references without end."""
    assert not superlinear(lambda text: render(opening + text), partial(_fill, piece), _TEXT)


@pytest.mark.parametrize("piece", _ADDRESSES)
def test_redaction_is_linear(piece: str) -> None:
    """Beginnings of addresses that never become one."""
    assert not superlinear(lambda text: redact(text, FORM), partial(_fill, piece), _TEXT)


def _nested(size: int) -> bytes:
    levels = (f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n" for level in range(size // 50))
    return "".join(levels).encode()


_MESSAGES: dict[str, Callable[[int], bytes]] = {
    "attachment": lambda size: message(b"A" * size, "Content-Type: x/y", "Content-Transfer-Encoding: base64"),
    "quoted-printable": lambda size: message(b"=41" * (size // 3), "Content-Transfer-Encoding: quoted-printable"),
    "text": lambda size: message(b"A line of prose.\n" * (size // 17)),
    "flowed": lambda size: message(b"> a \n> b \n c \n" * (size // 12), "Content-Type: text/plain; format=flowed"),
    "page": lambda size: message(b"<p>A line of prose.</p>" * (size // 23), "Content-Type: text/html"),
    "windows-1252": lambda size: message(b"\xe9" * size),
    "iso-2022-jp": lambda size: message(b"\x1b$B" * (size // 3), "Content-Type: text/plain; charset=iso-2022-jp"),
    "parts": lambda size: message(b"--b\n\na\n" * (size // 7), "Content-Type: multipart/mixed; boundary=b"),
    "false delimiters": lambda size: message(b"x" + b"--b" * (size // 3), "Content-Type: multipart/mixed; boundary=b"),
    "nested": _nested,
    "fields": lambda size: b"A:\n" * (size // 3),
    "one field": lambda size: b"Subject: " + b"=?utf-8?q?a?= " * (size // 14),
    "spaces": lambda size: b"Subject: " + b" " * size,
    "mailboxes": lambda size: b"To: " + b"a <a@b>, " * (size // 9),
    "parameters": lambda size: b"Content-Type: a/b" + b"; a*0*=b" * (size // 8),
    "comments": lambda size: b"From: " + b"(" * size,
}


@pytest.mark.parametrize("name", _MESSAGES)
def test_reading_is_linear(name: str) -> None:
    """Structure, charsets, transfer encodings and header fields; without the limits on text."""
    make = _MESSAGES[name]
    assert not superlinear(lambda octets: read(octets, _MARKER, _UNLIMITED), make, _TEXT)
    assert not superlinear(lambda octets: redact_message(octets, FORM), make, _TEXT)


def test_a_message_of_25_megabytes_costs_eight_times_one_of_three() -> None:
    """The size that operators allow."""
    for make in islice(_MESSAGES.values(), 3):
        assert not superlinear(lambda octets: read(octets), make, 25 * 1024 * 1024)


@pytest.mark.parametrize("name", ["attachment", "quoted-printable", "parts", "nested"])
def test_memory_is_a_small_multiple_of_the_message(name: str) -> None:
    """Beside the message itself: one copy to decode, and one that is kept."""
    octets = _MESSAGES[name](4 * 1024 * 1024)
    tracemalloc.start()
    try:
        read(octets)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(octets)
