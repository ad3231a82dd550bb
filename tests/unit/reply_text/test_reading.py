"""Whole messages."""

import base64
from functools import partial

import pytest

from reply_milter.core.redaction import redact
from reply_text import Attachment, Flaw, Limits, Mailbox, read
from tests.support.content_under_test import ADDRESS, FORM, GLOB, message, multipart, whole

_OURS = partial(redact, form=FORM)
_PDF = "Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg=="


def test_header_fields_become_values() -> None:
    """Decoded for display; addresses are those that were judged."""
    octets = message(
        "Hello\n",
        f"To: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <{ADDRESS}>, \"Doe, J.\" <j@example.org>",
        "Cc: joe@example.org",
        "Reply-To: Jane <j2@example.org>",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=\n  there",
        "Date: Mon, 23 Nov 2026 12:00:00 +0100",
        "Message-ID: <1@example.org>",
        "X-Odd:  a\n\tb",
    )  # fmt: skip
    content = read(octets, redact=_OURS)
    assert content.author == Mailbox("Jane Doe", "jane@example.org")
    assert content.to == (
        Mailbox("Grüße", "reply+redacted@reply.example.com"),
        Mailbox("Doe, J.", "j@example.org"),
    )
    assert (content.cc, content.reply_to) == ((Mailbox("", "joe@example.org"),), (Mailbox("Jane", "j2@example.org"),))
    assert (content.subject, content.message_id) == ("Grüße there", "1@example.org")
    assert content.date == "Mon, 23 Nov 2026 12:00:00 +0100"
    assert content.fields[1][0] == "To" and content.fields[-1] == ("X-Odd", "a b")
    assert (content.text, content.stripped, content.html) == ("Hello\n", "Hello", "")
    assert (content.attachments, content.flaws) == ((), frozenset())


def test_a_message_without_anything_is_empty() -> None:
    """Not an error."""
    content = read(b"")
    assert (content.author, content.text, content.stripped, content.fields) == (Mailbox("", ""), "", "", ())


@pytest.mark.parametrize(
    "parts,text,html",
    [
        (multipart("alternative", "\na", "Content-Type: text/html\n\n<b>b</b>"), "a", "<b>b</b>"),
        (multipart("alternative", "Content-Type: text/html\n\n<b>b</b>"), "b", "<b>b</b>"),
        (multipart("alternative", "\n \n", "Content-Type: text/html\n\n<b>b</b>"), "b", "<b>b</b>"),
        (multipart("mixed", "\na", _PDF, "\nc"), "a\nc", ""),
        (multipart("mixed", "\na", "Content-Type: text/html\n\n<i>b</i>"), "a\nb", "<i>b</i>"),
        (multipart("mixed", "Content-Type: text/html\n\na", _PDF, "Content-Type: text/html\n\nb"), "a\nb", "a\nb"),
        (
            multipart(
                "alternative",
                "\na",
                multipart("related", "Content-Type: text/html\n\nb", "Content-Type: image/png\n\nc", boundary="b2"),
            ),
            "a",
            "b",
        ),
        (multipart("signed", "\na", "Content-Type: application/pgp-signature\n\nb"), "a", ""),
        ("Content-Type: multipart/mixed\n\na", "a", ""),
        ("Content-Type: multipart/mixed; boundary=x\n\na", "a", ""),
        ("Content-Type: nonsense\n\na", "a", ""),
        ("Content-Type: text/calendar\n\na", "", ""),
    ],
)
def test_text_is_found_where_programs_put_it(parts: str, text: str, html: str) -> None:
    """Alternatives say the same; other parts follow one another."""
    content = read(whole(parts))
    assert (content.text, content.html) == (text, html)


def test_attachments_are_decoded_and_named_without_a_path() -> None:
    """Inline pictures, files and whole messages; nothing is looked into."""
    parts = multipart(
        "mixed",
        "\nhi",
        _PDF,
        'Content-Type: image/PNG\nContent-ID: <i1>\nContent-Disposition: inline; filename="../../b\x01.png"\n\nx',
        "Content-Type: text/plain\nContent-Disposition: attachment; filename*=utf-8''%c3%bc.txt\n\ny",
        "Content-Type: text/plain; name=notes.txt\nContent-Disposition: inline\n\nz",
        f"Content-Type: message/rfc822\n\nTo: {ADDRESS}\n\nhi",
        f"Content-Type: !!!\nContent-Disposition: attachment; filename={ADDRESS}\n\nw",
    )
    content = read(whole(parts), redact=_OURS)
    assert content.text == "hi"
    assert [(file.name, file.content_type, file.content_id, file.inline) for file in content.attachments] == [
        ("a.pdf", "application/pdf", "", False),
        ("b.png", "image/png", "i1", True),
        ("ü.txt", "text/plain", "", False),
        ("notes.txt", "text/plain", "", True),
        ("", "message/rfc822", "", False),
        ("reply+redacted@reply.example.com", "application/octet-stream", "", False),
    ]
    assert content.attachments[0].octets == b"%PDF"
    assert GLOB.encode() in content.attachments[4].octets


def test_signed_text_is_read_and_what_is_encrypted_is_handed_over() -> None:
    """S/MIME and PGP: all of it is there for whoever can check or open it."""
    signature = 'Content-Type: application/pkcs7-signature; name="smime.p7s"\n\nabc'
    signed = read(whole(multipart("signed", "\nYes.", signature)))
    assert (signed.stripped, [file.name for file in signed.attachments]) == ("Yes.", ["smime.p7s"])
    version, octets = (
        "Content-Type: application/pgp-encrypted\n\nVersion: 1",
        "Content-Type: application/octet-stream\n\nx",
    )
    encrypted = read(whole(multipart("encrypted", version, octets)))
    assert (encrypted.text, len(encrypted.attachments)) == ("", 2)
    opaque = read(message("MIIB", "Content-Type: application/pkcs7-mime; name=smime.p7m"))
    assert (opaque.text, opaque.attachments[0].octets) == ("", b"MIIB")


def test_html_is_asked_where_plain_text_shows_no_quote() -> None:
    """An unknown language in Outlook on the web: the mark-up shows the quote."""
    plain = "\nPlavu.\n\nŠalje: Shop\nPoslano: danas\n\nKoja boja?"
    page = '<div>Plavu.</div><div id="appendonsend"></div><div id="divRplyFwdMsg"><b>Šalje:</b> Shop</div>Koja boja?'
    head = "Content-Type: text/html; charset=utf-8\n\n"
    assert read(whole(multipart("alternative", plain, head + page))).stripped == "Plavu."
    assert read(whole(multipart("alternative", plain, head + page.replace(' id="', ' x="')))).stripped == plain[1:]


def test_html_that_says_less_is_not_believed() -> None:
    """If all of it were a quote, plain text stays."""
    page = 'Content-Type: text/html\n\n<blockquote type="cite">Plavu.</blockquote>'
    assert read(whole(multipart("alternative", "\nPlavu.", page))).stripped == "Plavu."


@pytest.mark.parametrize(
    "octets,limits,flaw",
    [
        (message("a" * 100), Limits(text_characters=10), Flaw.TEXT_CUT),
        (message("<b>" + "a" * 100, "Content-Type: text/html"), Limits(html_characters=10), Flaw.HTML_CUT),
        (message("<p>a</p>" * 100, "Content-Type: text/html"), Limits(text_characters=10), Flaw.TEXT_CUT),
        (whole(multipart("mixed", "\n" + "a" * 8, "\n" + "b" * 8)), Limits(text_characters=10), Flaw.TEXT_CUT),
        (message("a", *["X: y"] * 20), Limits(fields=10), Flaw.FIELDS_CUT),
        (message("a", "X: " + "y" * 100), Limits(field_octets=50), Flaw.FIELDS_CUT),
        (whole(multipart("mixed", *["\na"] * 9)), Limits(parts=5), Flaw.PARTS_CUT),
        (whole(multipart("mixed", multipart("mixed", "\na", boundary="b2"))), Limits(depth=1), Flaw.TOO_DEEP),
        (message(b"caf\xe9"), Limits(), Flaw.CHARSET_GUESSED),
        (message("Hello, you.", "Content-Transfer-Encoding: base64"), Limits(), Flaw.ENCODING_BROKEN),
    ],
)
def test_what_is_left_out_or_guessed_is_reported(octets: bytes, limits: Limits, flaw: Flaw) -> None:
    """One flaw each, and no more text than the limits allow."""
    content = read(octets, limits=limits)
    assert content.flaws - {Flaw.TEXT_ELSEWHERE} == {flaw}
    assert (Flaw.TEXT_ELSEWHERE in content.flaws) == (flaw is Flaw.TOO_DEEP)
    assert len(content.text) <= limits.text_characters and len(content.html) <= limits.html_characters


def test_a_multipart_that_is_too_deep_becomes_an_attachment() -> None:
    """Its header included, so that it can still be opened."""
    inner = multipart("mixed", "\na", boundary="b2")
    content = read(whole(multipart("mixed", "\nhi", inner)), limits=Limits(depth=1))
    (unopened,) = content.attachments
    assert (content.text, unopened.content_type) == ("hi", "multipart/mixed")
    assert unopened.octets.startswith(b'Content-Type: multipart/mixed; boundary="b2"\r\n\r\n--b2')


def test_addresses_of_ours_are_nowhere() -> None:
    """Text, HTML, fields, names of people and of files, ids; as they are, encoded, wrapped, in base64."""
    encoded = base64.b64encode(f"to <{ADDRESS}>".encode()).decode()
    parts = multipart(
        "mixed",
        f"Content-Transfer-Encoding: quoted-printable\n\nreply+{GLOB[:20]}=\n{GLOB[20:]}=40reply.example.com",
        f"Content-Transfer-Encoding: base64\n\n{encoded}",
        f'Content-Type: text/html\n\n<a href="mailto:reply%2B{GLOB}@reply.example.com">reply&#43;{GLOB}&#64;x</a>',
        f"Content-Type: text/html\n\n<b>reply+</b>{GLOB}@reply.example.com",
        f"Content-Type: image/png; name={ADDRESS}.png\nContent-ID: <{ADDRESS}>\n\nx",
    )
    fields = (
        f"To: {ADDRESS} <{ADDRESS}>",
        f"Cc: =?utf-8?b?{base64.b64encode(ADDRESS.encode()).decode()}?= <joe@example.org>",
        f"Subject: re {ADDRESS}",
        f"Message-ID: <{ADDRESS}>",
        f"Date: {ADDRESS}",
        f"Received: from x by y for <{ADDRESS}>; today",
    )
    content = read("\n".join([*fields, ""]).encode() + parts.encode(), redact=_OURS)
    assert GLOB not in repr(content)
    assert len(content.fields) == len(fields) + 1 and "redacted" in content.attachments[0].name


def test_values_can_be_compared_and_kept() -> None:
    """Frozen, with tuples inside."""
    assert read(message("a")) == read(message("a"))
    assert hash(Attachment("a", "b/c", "", b"", False))
