"""Answers to a question: nothing but a word of the table, alone on the author's first line, is a yes."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.delivery.consent import (
    NO,
    NO_SHOWN,
    YES,
    YES_BY_ITSELF,
    YES_SHOWN,
    Answer,
    answer_of,
    read_answer,
)
from reply_milter.core.redaction import read_redacted
from reply_text.words import WROTE
from tests.support.fakes import FORM

ASKED = "<confirm/1767225600.u1@reply.test>"
# One attribution of each language whose words for writing are known, with its yes and its no.
LANGUAGES = [
    ("wrote", "Yes", "No"), ("schrieb", "Ja", "Nein"), ("écrit", "Oui", "Non"), ("escribió", "Sí", "No"),
    ("escreveu", "Sim", "Não"), ("schreef", "Ja", "Nee"), ("scritto", "Sì", "No"), ("skrev", "Ja", "Nej"),
    ("skrev", "Ja", "Nei"), ("kirjoitti", "Kyllä", "Ei"), ("napisał", "Tak", "Nie"), ("napsal", "Ano", "Ne"),
    ("napísal", "Áno", "Nie"), ("írta", "Igen", "Nem"), ("yazdı", "Evet", "Hayır"), ("a scris", "Da", "Nu"),
    ("napisao", "Da", "Ne"), ("је написао", "Да", "Не"), ("написал", "Да", "Нет"), ("написав", "Так", "Ні"),
    ("написа", "Да", "Не"), ("έγραψε", "Ναι", "Όχι"), ("skrifaði", "Já", "Nei"), ("rašė", "Taip", "Ne"),
    ("kirjutas", "Jah", "Ei"), ("rakstīja", "Jā", "Nē"), ("viết", "Có", "Không"), ("写道", "是", "不是"),
    ("寫道", "是的", "不是"), ("さんは書きました", "はい", "いいえ"), ("작성", "네", "아니요"), ("כתב", "כן", "לא"),
    ("كتب", "نعم", "لا"),
]  # fmt: skip


def message(body: str, head: str = "", content_type: str = "text/plain") -> bytes:
    """An answer as the hook gets it."""
    return (
        f"From: jane@example.org\r\nSubject: Re: Is this reply yours?\r\nIn-Reply-To: {ASKED}\r\n{head}"
        f"Content-Type: {content_type}; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


def said(octets: bytes, named: str = ASKED) -> Answer:
    """What a whole message says."""
    return read_answer("jane@example.org", {"in-reply-to": [named]}, ASKED, read_redacted(octets, FORM))


@pytest.mark.parametrize(("wrote", "yes", "no"), LANGUAGES)
def test_yes_and_no_in_every_language_of_attributions(wrote: str, yes: str, no: str) -> None:
    """In capitals as well, with a mark behind it, in marks of emphasis; and a no may go on."""
    assert WROTE.search(wrote)
    for around in ("{}", "{}.", "{}!", "*{}*", " {} \n", "\n\n{}\n"):
        for word, meant in ((yes, Answer.YES), (no, Answer.NO)):
            assert answer_of(around.format(word)) is meant
            assert answer_of(around.format(word.upper())) is meant
            assert answer_of(around.format(unicodedata.normalize("NFD", word))) is meant
    assert answer_of(f"{no}, xyz") is Answer.NO
    assert answer_of(f"{yes}, xyz") is Answer.NONE
    assert answer_of(f"{yes} xyz") is Answer.NONE
    assert yes.casefold() in YES and no.casefold() in NO


def test_no_word_is_both() -> None:
    """A yes in one language is never a no in another; the tables have the words that users are shown."""
    assert not YES & NO
    assert set(YES_SHOWN) <= YES and set(NO_SHOWN) <= NO and YES_BY_ITSELF <= YES
    assert len(YES_SHOWN) == len(set(YES_SHOWN)) and len(NO_SHOWN) == len(set(NO_SHOWN))


@pytest.mark.parametrize(
    "text",
    [
        "Yes",
        "yes.\n\nJane",
        "YES!",
        "\n \n\u200b\nyes",
        "ｙｅｓ",
        "y\u200bes",
        "\ufeffyes",
        "“Yes.”",
        "_yes_",
        "Yes\t",
        "ja,\nJane",
    ],
)
def test_a_yes(text: str) -> None:
    """As people and their programs write it."""
    assert answer_of(text) is Answer.YES


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "Not mine!", "Hi, no, this was not me", "ticket #4711", "Yes, but that was not me", "yes it is",
     "Yes?", "Ναι;", "> yes", "- yes", "1. yes", "yes 1", "yes1", "yes-no", "yes/no", "yesyes", "yes yes", "No1",
     "Maybe\nyes",
     "\U0001f44d", "yes \U0001f44d", "dа", "уes", "Hello\n\nyes", "Tak.\nMen det var ikke mig",
     "Igen!\nJeg forstår ikke", "不是我写的", "不好意思,是我", "Ne supprimez rien",
     "Nu ser jag den", "Nie mehr lesen", "ok", "sure",
     "#yes", "<yes>",
     "yes" + " " * 200 + "not", " " * 200 + "yes", "x" * 500 + "\nyes", "\n" * 2000 + "yes", "yes: no",
     "“yes” they said", 'the word "yes"', "y", "=yes", "e\u0301yes", "yes\u0301"],
)  # fmt: skip
def test_what_says_nothing(text: str) -> None:
    """Whatever it may have been meant to."""
    assert answer_of(text) is Answer.NONE


@pytest.mark.parametrize(
    "text", ["No", "no.", "No, that was not me", "No that was not me", "Nein, das war ich nicht", "Ne.",
             "Nu, nu sunt eu", "いいえ、違います", "*No*, not me!", "No\nyes", "HAYIR", "nao"],
)  # fmt: skip
def test_a_no(text: str) -> None:
    """A likelier answer than the word alone."""
    assert answer_of(text) is Answer.NO


@given(
    st.text()
    | st.lists(st.sampled_from([*YES, *NO, " ", ".", ",", "\n", ">", "?", "not", "\u200b", "é", "1"])).map("".join)
)
def test_no_other_text_is_a_yes(text: str) -> None:
    """By another way of reading it: letters alone, in the first line that shows something."""
    if answer_of(text) is Answer.YES:
        shown = ["".join(one for one in line if unicodedata.category(one) != "Cf") for line in text.split("\n")]
        first = next(line for line in shown if line.strip())
        word = re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", first)).casefold()
        assert unicodedata.normalize("NFC", word) in YES
        assert not set("?;>#") & set(first)


@given(st.sampled_from(sorted(YES)), st.characters(categories=["L", "N", "S", "Co", "Cn"]))
def test_no_word_with_a_letter_more_is_a_yes(word: str, more: str) -> None:
    """Before it or behind it, joined or apart; unless that is another word of the table."""
    for text in (word + more, more + word, f"{word} {more}", f"{more} {word}"):
        plain = unicodedata.normalize("NFC", text).casefold()
        if plain not in YES and more not in "`´":
            assert answer_of(text) is not Answer.YES, text


def test_a_long_text_costs_no_more_than_a_short_one() -> None:
    """Two megabytes of anything."""
    began = time.perf_counter()
    for unit in (" ", "\n", "yes ", "\u200b", "e\u0301", "ﷺ", "*"):
        assert answer_of(unit * 2_000_000) is Answer.NONE
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        (message("<div>Yes</div>", content_type="text/html"), Answer.YES),
        (message('<p dir="ltr">Yes.</p><br><div>-- <br>Jane</div>', content_type="text/html"), Answer.YES),
        (message("<blockquote>yes</blockquote>", content_type="text/html"), Answer.NONE),
        (message("<blockquote type=cite>yes</blockquote><p>Ticket 4711</p>", content_type="text/html"), Answer.NONE),
        (message("<p>We got:</p><blockquote>yes</blockquote>", content_type="text/html"), Answer.NONE),
        (message("yes\r\n-- \r\nJane"), Answer.YES),
        (message("Ja\r\n\r\nAm 23.11.2026 um 10:00 schrieb Replies <no-reply@reply.test>:\r\n> A reply"), Answer.YES),
        (message("On Mon, 23 Nov 2026 at 10:00, Replies wrote:\r\n> yes\r\n"), Answer.NONE),
        (message("> yes\r\n"), Answer.NONE),
        (message("We got your mail\r\n\r\n> yes\r\n"), Answer.NONE),
        (message("yes", "Content-Transfer-Encoding: base64\r\n"), Answer.NONE),
        (message("eWVz", "Content-Transfer-Encoding: base64\r\n"), Answer.YES),
        (message("yes", content_type="application/octet-stream"), Answer.NONE),
        (message("", "Subject: yes\r\n"), Answer.NONE),
    ],
)  # fmt: skip
def test_the_authors_own_text_counts(octets: bytes, meant: Answer) -> None:
    """And not what is quoted, a signature, a subject or a file."""
    assert said(octets) is meant


@pytest.mark.parametrize("kind", ["message/disposition-notification", "message/delivery-status"])
def test_a_receipt_says_nothing(kind: str) -> None:
    """Even if its own type does not say so."""
    parts = f"--x\r\n\r\nYes\r\n--x\r\nContent-Type: {kind}\r\n\r\nDisposition: automatic-action\r\n--x--"
    assert said(message(parts, content_type='multipart/mixed; boundary="x"')) is Answer.NONE


def test_the_question_must_be_named() -> None:
    """Bare, among others, but not as a part of another id."""
    for named in (ASKED, ASKED.strip("<>"), f"<a@b> {ASKED}"):
        assert said(message("yes"), named) is Answer.YES
    for named in ("", "<a@b>", f"({ASKED})", ASKED.replace("1@", "2@"), f"<x{ASKED[1:]}"):
        assert said(message("yes"), named) is Answer.NONE
    assert read_answer("", {"in-reply-to": [ASKED]}, ASKED, read_redacted(message("yes"), FORM)) is Answer.NONE
