"""Whatever the octets are: a value comes out, and it can be sent on as JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.redaction import redact_message
from reply_text import Content, Limits, read
from tests.support.content_under_test import ADDRESS, FORM

_SHAPES = Path(__file__).parents[2] / "system" / "shapes"
_SEEDS = [
    path.read_bytes() for folder in (Path(__file__).parent / "corpus", _SHAPES) for path in sorted(folder.glob("*.eml"))
]
_SCRAPS = [
    b"\r\n", b"\n", b"\n\n", b"\r", b"\0", b"\xff", b"\xc3", b" ", b"\t", b"a", b"--b\r\n", b"--b--", b"=", b"=3D",
    b"From: ", b"To: ", b"a@[", b"((((", b"<", b">", b'"', b"\\", b"@", b"=?utf-8?b?", b"=?x?q?=", b"?=", b"=?",
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/alternative; boundary*0*=b\r\n",
    b"Content-Type: text/html; charset=utf-16\r\n", b"Content-Type: text/plain; charset=\xff\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n", b"Content-Disposition: attachment; filename*=\r\n",
    b"<blockquote type=cite>", b"<!--", b"<a href='", b"&#x110000;", b"&#99999999;", b"<div id=appendonsend>",
    b"> ", b"On 1:11 a@b.c wrote:", b"-- \n", b"From: a\nDate: 1\nTo: b@c\n", ADDRESS.encode(), b"\xed\xa0\x80",
]  # fmt: skip


def _is_sound(content: Content) -> None:
    """As the webhook will have it: text that can be encoded, without NUL; limits kept."""
    values = asdict(content)
    files = [file.pop("octets") for file in values["attachments"]]
    text = json.dumps(values, default=list, ensure_ascii=False)
    assert "\\u0000" not in text and text.encode()
    assert all(isinstance(octets, bytes) for octets in files)
    assert len(content.text) <= Limits().text_characters


@given(st.binary(max_size=500))
def test_any_octets_are_a_message(octets: bytes) -> None:
    """Nothing raises."""
    _is_sound(read(octets, marker="-- above --"))
    redact_message(octets, FORM)


@given(st.lists(st.sampled_from(_SCRAPS), max_size=40).map(b"".join))
def test_any_scraps_of_mail_are_a_message(octets: bytes) -> None:
    """What a fuzzer would find after a while."""
    _is_sound(read(octets, marker="-- above --"))
    redact_message(octets, FORM)


_CHANGES: list[Callable[[bytes, int, bytes], bytes]] = [
    lambda octets, at, scrap: octets[:at] + scrap + octets[at:],
    lambda octets, at, scrap: octets[:at] + scrap + octets[at + len(scrap) :],
    lambda octets, at, scrap: octets[:at],
    lambda octets, at, scrap: octets[at:] + octets[:at],
    lambda octets, at, scrap: octets[:at] + octets[at // 2 :],
]


@given(st.data())
def test_broken_mail_is_a_message(data: st.DataObject) -> None:
    """Real mail, changed here and there."""
    octets = data.draw(st.sampled_from(_SEEDS))
    for _ in range(data.draw(st.integers(1, 4))):
        change = data.draw(st.sampled_from(_CHANGES))
        octets = change(octets, data.draw(st.integers(0, len(octets))), data.draw(st.sampled_from(_SCRAPS)))
    _is_sound(read(octets))
    redact_message(octets, FORM)


@pytest.mark.parametrize(
    "octets",
    [
        b"From: " + b"(" * 100_000,
        b"To: " + b"<" * 100_000,
        b"Message-ID: <>\n",
        b"Message-ID: <a@[>\n",
        b"Content-Type: " + b"(" * 100_000,
        b"Date: " + b"\xff" * 1000,
    ],
)
def test_headers_that_break_the_standard_librarys_parser_do_not_break_ours(octets: bytes) -> None:
    """IndexError, AttributeError and RecursionError there."""
    _is_sound(read(octets))
