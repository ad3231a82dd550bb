"""No reader of an application finds a foreign key or author in what was restored, whatever the reply's header was."""

import os

import pytest

from reply_milter.core.rules.message import Message
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.restore import Restored, Restoring, restore
from reply_milter.core.wrapping.wrap import Road
from reply_text.syntax.message_file import split
from tests.support.hostile_headers import (
    AUTHOR,
    EVIL_AUTHOR,
    EVIL_KEY,
    ORIGINAL,
    Hostile,
    edited_in_place,
    generated,
    known,
)
from tests.support.readers.reading import Reader, Seen, by_go, by_php, by_python, by_python_of_old, by_ruby
from tests.support.wrapped import GITEA

GENERATED = 500
HOSTILE = [*known(), *generated(GENERATED)]
RESTORING = Restoring(
    plain=Plain(ORIGINAL, AUTHOR),
    wrap=GITEA,
    road=Road.WRAPPED,
    identifier="abcdefghijklmnopqrstuvwxyz",
    auth="pass",
    authserv_id="mx.example.com",
    host="reply.example.com",
    received=1795892400,
)
_LONG = pytest.mark.skipif(not os.environ.get("REPLY_MILTER_LONG"), reason="the long form: make readers")
READERS = [
    by_python,
    by_python_of_old,
    by_ruby,
    pytest.param(by_go, marks=_LONG),
    pytest.param(by_php, marks=_LONG),
]
_WRITTEN = {
    "received", "authentication-results", "from", "to", "subject", "in-reply-to", "references", "date", "message-id",
    "auto-submitted", "precedence", "mime-version", "content-type", "content-disposition", "content-language",
    "content-transfer-encoding",
}  # fmt: skip


def restored(hostile: list[Hostile]) -> dict[str, bytes]:
    """What the application gets, by the name of the set. The milter refuses what its reader finds another author in."""
    found = {one.name: restore(one.message, RESTORING) for one in hostile if judged_author(one.message) == AUTHOR}
    return {name: one.message for name, one in found.items() if isinstance(one, Restored)}


def judged_author(message: bytes) -> str:
    """Whom the milter judges, as it reads From."""
    fields: dict[str, list[str]] = {}
    for name, value in split(message)[0]:
        fields.setdefault(name.lower(), []).append(value)
    return Message(False, fields, len(fields), 0, len(message)).author


def fooled(reader: Reader, messages: dict[str, bytes]) -> dict[str, str]:
    """By the name of the set: what a reader finds that it must not find. Any text may stand in a Subject alone."""
    seen = dict(zip(messages, reader(list(messages.values())), strict=True))
    return {name: why for name, one in seen.items() if (why := _wrong(one))}


def _wrong(seen: Seen) -> str:
    texts = [text.lower() for name, *values in seen.fields if name.lower() != "subject" for text in values]
    texts += [text.lower() for text in (*seen.recipients, *seen.ids, *seen.authors)]
    names = [name.lower() for name, _, _ in seen.fields]
    if any(EVIL_KEY.lower() in text for text in texts):
        return "a foreign key"
    if any(EVIL_AUTHOR in text for text in texts) or seen.authors != [AUTHOR]:
        return f"a foreign author: {seen.authors}"
    if seen.recipients != [ORIGINAL]:
        return f"recipients: {seen.recipients}"
    if len(set(names)) != len(names) or not set(names) <= _WRITTEN:
        return f"fields: {names}"
    return ""


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_finds_another_key_or_author(reader: Reader) -> None:
    """In each of the known sets and the generated ones, as far as they are restored at all."""
    assert fooled(reader, restored(HOSTILE)) == {}


@pytest.mark.parametrize("reader", READERS)
def test_the_body_is_the_one_that_came(reader: Reader) -> None:
    """Readers see all of it and nothing else as the body."""
    came = {one.name: split(one.message)[1] for one in known()}
    given = restored(known())
    for name, one in zip(given, reader(list(given.values())), strict=True):
        assert one.body.replace(b"\r\n", b"\n").strip() == came[name].replace(b"\r\n", b"\n").strip()


@pytest.mark.parametrize("reader", READERS)
def test_no_body_reaches_into_the_header(reader: Reader) -> None:
    """Whatever it begins with, and with either line end."""
    evil = f"To: incoming+{EVIL_KEY}@git.example.com\r\n".encode()
    begins = (
        b"",
        b" ",
        b"\t",
        b"\r\n",
        b" \r\n",
        b"\r",
        b"\n",
        b"\r\r\n",
        b"x: y\r\n ",
        b": ",
        b"\x0b",
        b"From x\r\n",
        b"\0",
    )
    sent = [f"From: {AUTHOR}\r\nSubject: a\r\n\r\n".encode() + begin + evil for begin in begins]
    given = [restore(one, RESTORING) for one in (*sent, *(one.replace(b"\r\n", b"\n") for one in sent))]
    messages = {str(number): one.message for number, one in enumerate(given) if isinstance(one, Restored)}
    assert len(messages) == 2 * len(begins)
    assert fooled(reader, messages) == {}


@pytest.mark.parametrize("reader", READERS)
def test_a_restorer_that_edits_in_place_is_caught(reader: Reader) -> None:
    """The test of the test: it replaces what it finds in To and its kin, and lets through what it does not find."""
    edited = {one.name: edited_in_place(one.message) for one in HOSTILE}
    caught = fooled(reader, edited)
    keys = {name for name, why in caught.items() if why == "a foreign key"}
    assert len(keys) > 100
    assert "to ew_whole_b" in keys or "to xft_ew" in keys


def test_most_replies_are_restored() -> None:
    """A restorer that refuses everything would pass the tests above."""
    known_ones = known()
    given_back = restored(known_ones)
    assert len(given_back) > 0.75 * len(known_ones)
    assert len(restored(generated(GENERATED))) > 0.4 * GENERATED
