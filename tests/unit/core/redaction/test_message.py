"""Messages passed on as octets."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.redaction import read_redacted, redact_message
from tests.support.content_under_test import ADDRESS, FORM, GLOB, message, multipart, whole

_BLOTTED = f"reply+{'x' * len(GLOB)}@reply.example.com"


def test_fields_and_text_are_covered_and_nothing_moves() -> None:
    """In place: the same length, the same lines."""
    octets = message(f"Hi\n\n> {ADDRESS}\n", f"To: Shop <{ADDRESS}>", f"Received: from x for <{ADDRESS}>")
    assert redact_message(octets, FORM) == octets.replace(GLOB.encode(), b"x" * len(GLOB))


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_encoded_text_is_encoded_again(line_end: str) -> None:
    """With the same line ends; what holds no address of ours stays octet for octet."""
    text = f"Grüße\n{ADDRESS}\n" + "a" * 100
    quoted = quopri.encodestring(text.encode()).decode()
    encoded = base64.encodebytes(text.encode()).decode()
    parts = [
        f"Content-Transfer-Encoding: quoted-printable\n\n{quoted}",
        f"Content-Transfer-Encoding: base64\n\n{encoded}",
        f"Content-Transfer-Encoding: base64\n\n{base64.b64encode(b'nothing').decode()}",
    ]
    octets = whole(multipart("mixed", *parts)).replace(b"\r\n", line_end.encode())
    changed = redact_message(octets, FORM)
    assert GLOB not in repr(read_redacted(changed, FORM)) and b"bm90aGluZw==" in changed
    assert read_redacted(changed, FORM).text.count("Grüße\nreply+redacted@reply.example.com\n" + "a" * 100) == 2
    assert changed.count(b"\r\n") == (changed.count(b"\n") if line_end == "\r\n" else 0)


def test_signed_text_and_attachments_are_left_alone() -> None:
    """A signature that breaks is worse; the docstring says so."""
    signed = multipart("signed", f"\n{ADDRESS}", "Content-Type: application/pgp-signature\n\nabc", boundary="s")
    attached = f"Content-Type: application/octet-stream\n\n{ADDRESS}"
    octets = whole(multipart("mixed", signed, attached, f"\n{ADDRESS}"))
    assert redact_message(octets, FORM).count(GLOB.encode()) == 2


def test_an_attached_message_is_covered() -> None:
    """Its fields and its plain text."""
    attached = f"Content-Type: message/rfc822\n\nTo: {ADDRESS}\n\n{ADDRESS}"
    assert GLOB.encode() not in redact_message(whole(multipart("mixed", "\nhi", attached)), FORM)


def test_a_second_pass_changes_nothing() -> None:
    """And what the first left is no address that ``read`` would change into something else."""
    octets = message(f"> {ADDRESS}\n", f"To: {ADDRESS}")
    once = redact_message(octets, FORM)
    assert redact_message(once, FORM) == once
    assert read_redacted(once, FORM).to == read_redacted(octets, FORM).to


_SCRAPS = st.sampled_from(
    [
        "--b\n", "\n", "a", ADDRESS, "Content-Type: multipart/mixed; boundary=b\n", "=\n",
        "Content-Transfer-Encoding: base64\n",
    ]
)  # fmt: skip


@given(st.binary(max_size=300) | st.lists(_SCRAPS, max_size=12).map(lambda lines: "".join(lines).encode()))
def test_any_octets_keep_what_is_not_ours(octets: bytes) -> None:
    """Without an address of ours, nothing changes."""
    if b"reply" not in octets.lower():
        assert redact_message(octets, FORM) == octets
    redact_message(octets, FORM)
