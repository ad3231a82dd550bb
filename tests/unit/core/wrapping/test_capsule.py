"""The capsule as text: what is written comes back as mail programs bring it, and nothing else is one."""

from email import message_from_string, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.encoding import base32
from reply_milter.core.rules.thread import candidates
from reply_milter.core.wrapping import capsule
from reply_text.syntax import message_ids

_DOMAINS = frozenset({"reply.test"})
_SEALED = bytes(range(100))
_ID = capsule.write("reply.test", _SEALED)


@given(st.binary(min_size=1, max_size=150))
def test_octets_come_back(sealed: bytes) -> None:
    """As they were, and in capitals; and each octets have one spelling."""
    text = base32.from_octets(sealed)
    assert base32.to_octets(text) == sealed
    written = capsule.write("reply.test", sealed)
    assert capsule.is_capsule(written) and message_ids.identifiers(f"<{written}>") == [written]
    if capsule.fits(written):
        assert capsule.find([written], _DOMAINS) == capsule.find([written.upper()], _DOMAINS) == [sealed]


@given(st.text("abcdefgz27", max_size=20))
def test_only_what_was_written_is_read(text: str) -> None:
    """No second spelling, no half a character."""
    octets = base32.to_octets(text)
    assert octets is None or base32.from_octets(octets) == text


def test_the_form_is_as_published() -> None:
    """Fixed octets have a fixed text."""
    assert capsule.write("reply.test", b"reply-milter/1") == "w1.ojsxa3dzfvwws3dumvzc6mi@reply.test"


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "w1.@reply.test",
        "w1.ab",
        "w2." + _ID[3:],
        _ID.replace("@", "@@"),
        _ID.replace("reply.test", "evil.test"),
        _ID.replace("reply.test", "reply.test.evil.test"),
        "x" + _ID,
        "w1.0189@reply.test",
        "w1.a@reply.test",
        "w1.\u212aaaa@reply.test",
        "\udcff",
        capsule.write("reply.test", bytes(200)),
    ],
)
def test_nothing_else_is_one(identifier: str) -> None:
    """Neither of another domain, nor of another form, nor too long."""
    assert capsule.find([identifier], _DOMAINS) == []


def test_foreign_ones_have_the_form_all_the_same() -> None:
    """Whoever drops capsules from a list of ids drops all of them."""
    foreign = _ID.replace("reply.test", "other.example")
    assert capsule.is_capsule(foreign) and capsule.is_capsule(_ID.upper())
    assert not capsule.is_capsule("issue/1@reply.test") and not capsule.is_capsule(_ID + ">")


def test_long_ids_do_not_fit() -> None:
    """250 octets are taken, and no more."""
    assert capsule.fits("x" * 250) and not capsule.fits("x" * 251)


def test_an_id_that_pythons_mailer_encoded_is_read() -> None:
    """It writes a long id as encoded words when it composes a reply (its default policy)."""
    notification = message_from_string(
        f"Message-ID: <a@app.test>\nReferences: <a@app.test>\n\t<{_ID}>\n\nx\n", policy=policy.default
    )
    reply = EmailMessage()
    reply["References"] = f"{notification['References']} {notification['Message-ID']}"
    raw = reply.as_string().partition(":")[2]
    assert "=?utf-8?q?" in raw
    ids = candidates("", capsule.readable(raw))
    assert capsule.find(ids, _DOMAINS) == [_SEALED]


def test_an_encoded_word_in_place_of_an_id_is_read() -> None:
    """Also with the brackets inside of it."""
    assert capsule.find([f"=?utf-8?q?=3C{_ID}=3E?=", f"=?us-ascii?Q?{_ID}?="], _DOMAINS) == [_SEALED, _SEALED]
