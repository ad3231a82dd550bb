"""Any octets are read into texts that can be sent on as JSON, within the limits, and no reply address is left in them.

Input: a message as an MTA hands it over.
"""

import json
from dataclasses import asdict

from reply_milter.core.redaction import read_redacted, redact, redact_message
from reply_text import Content, Limits
from tests.support.content_under_test import ADDRESS, BARE, DASHED, FORM

WORDS = (
    b"\r\n", b"\n", b"\n\n", b"\r", b"\0", b"\xff", b" ", b"\t", b"--b\r\n", b"--b--", b"=", b"=3D", b"From: ", b"To: ",
    b"a@[", b"((((", b"<", b">", b'"', b"\\", b"=?utf-8?b?", b"?=", b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/alternative; boundary*0*=b\r\n", b"Content-Type: text/html; charset=utf-16\r\n",
    b"Content-Type: text/plain; charset=utf-7\r\n", b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*=\r\n", b"<blockquote type=cite>", b"<!--", b"<a href='", b"&#x110000;",
    b"&#99999999;", b"> ", b"On 1:11 a@b.c wrote:", b"-- \n", b"\xed\xa0\x80", ADDRESS.encode(), ADDRESS[:20].encode(),
    b"reply&plus;", b"%2540reply.example.com", b"@reply.example.com", b"reply+x", b"=2B", b"=40", b"=E2=84=AA",
    b"redacted",
)  # fmt: skip
_SMALL = Limits(fields=8, field_octets=400, depth=2, parts=6, text_characters=200, html_characters=300)


def one_input(octets: bytes) -> None:
    """Read it under generous limits and under tight ones, and redact it."""
    for form, limits in ((FORM, Limits()), (FORM, _SMALL), (DASHED, _SMALL), (BARE, _SMALL)):
        content = read_redacted(octets, form, "-- above --", limits)
        _can_be_sent_on(content)
        for line in (content.text, content.html, content.stripped, content.subject):
            assert redact(line, form) == line, "an address of ours is left"
        assert len(content.text) <= limits.text_characters and len(content.stripped) <= limits.text_characters
    once = redact_message(octets, FORM)
    assert redact_message(once, FORM) == once


def _can_be_sent_on(content: Content) -> None:
    values = asdict(content)
    files = [file.pop("octets") for file in values["attachments"]]
    sent = json.dumps(values, default=list, ensure_ascii=False)
    assert "\\u0000" not in sent and sent.encode("utf-8")
    assert all(isinstance(octets, bytes) for octets in files)
    assert not any(set("/\0") & set(file["name"]) for file in values["attachments"])
