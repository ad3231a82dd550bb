"""What each line of a reply was taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import Kind, explain, read
from tests.support.content_under_test import message, multipart, whole

_MARKER = "-- reply above this line --"
_ATTRIBUTION = "On Mon, 23 Nov 2026 at 11:00, Shop <shop@example.com> wrote:"
_BLOCK = "From: Shop <shop@example.com>\nSent: Monday, November 23, 2026 11:00 AM\nTo: Jane\nSubject: Which colour?"
_LETTERS = {
    Kind.KEPT: "k", Kind.QUOTE: "q", Kind.ATTRIBUTION: "a", Kind.HEADER: "h", Kind.SIGNATURE: "s", Kind.ARMOUR: "p",
    Kind.MARKER: "m",
}  # fmt: skip


def _kinds(text: str, marker: str = "") -> str:
    """A letter for each line that is not blank."""
    told = explain(message(text), marker)
    assert "\n".join(line for _, line in told.lines) == told.content.text
    return "".join(_LETTERS[kind] for kind, line in told.lines if line.strip())


@pytest.mark.parametrize(
    "text,kinds",
    [
        ("Yes.", "k"),
        (f"Yes.\n\n{_ATTRIBUTION}\n> q\n> r", "kaqq"),
        (f"{_ATTRIBUTION}\n> q\n\nYes.\n-- \nJane\nShop", "aqksss"),
        (f"Yes.\n\n{_BLOCK}\n\n> q", "khhhhq"),
        (f"Yes.\n____________\n{_BLOCK}\n\nq\nr", "khhhhhqq"),
        (f"Yes.\n\n-----Original Message-----\n{_BLOCK}\n\nq", "khhhhhq"),
        (f"Yes.\n\n{_ATTRIBUTION}\n\nnot quoted", "kaq"),
        (f"> q\n{_ATTRIBUTION}\n> r\nNo.\n> s\nYes.", "kakkkk"),
        ("Yes.\n\nSent from my iPhone", "ks"),
        ("Yes.\n\n> code", "kk"),
        ("> q", "q"),
        ("Op 23 nov 2026 om 11:00 schreef Shop <shop@example.com\n>:\n> q\n\nJa.", "aaqk"),
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nYes.\n- -- \nJane\n"
            "-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----",
            "ppkssppp",
        ),
        (f"---------- Forwarded message ---------\n{_BLOCK}\n\nq", "kkkkkk"),
        ("", ""),
    ],
)
def test_each_line_has_its_kind(text: str, kinds: str) -> None:
    """The first thing that it was taken for."""
    assert _kinds(text) == kinds


@pytest.mark.parametrize(
    "text,kinds",
    [
        (f"Yes.\n\n{_ATTRIBUTION}\n\n{_MARKER}\nq\nr", "kammm"),
        (f"Yes.\n-- \nJane\n{_MARKER}\nq", "kssmm"),
        (f"{_ATTRIBUTION}\n> {_MARKER}\n> q\n\nYes.", "amqk"),
        (f"{_MARKER}\nq", "mm"),
        ("Yes.", "k"),
    ],
)
def test_the_marker_and_all_below_it_are_told(text: str, kinds: str) -> None:
    """Unless the author wrote below the quote that holds it."""
    assert _kinds(text, _MARKER) == kinds


def test_lines_are_those_of_the_html_if_only_that_marks_the_quote() -> None:
    """As ``stripped`` is."""
    page = '<div>Plavu.</div><div class="yahoo_quoted">Koja boja?</div>'
    parts = multipart("alternative", "\nPlavu.\n\nKoja boja?", f"Content-Type: text/html\n\n{page}")
    told = explain(whole(parts))
    assert [(kind, line) for kind, line in told.lines if line] == [(Kind.KEPT, "Plavu."), (Kind.QUOTE, "> Koja boja?")]
    assert told.content == read(whole(parts))


_PIECES = st.sampled_from(
    ["Yes.", "", " ", "> q", ">", ">> r", _ATTRIBUTION, *_BLOCK.split("\n"), "-- ", "--", "___", _MARKER, "wrote:",
     "Shop <shop@example.com", ">:", "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----", "abcd",
     "-----END PGP SIGNATURE-----", "Sent from my iPhone"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30), st.sampled_from(["", _MARKER]))
def test_kept_lines_make_the_stripped_text(lines: list[str], marker: str) -> None:
    """In any order of lines that mean something: what is told and what is kept never differ."""
    told = explain(message("\n".join(lines)), marker)
    kept = " ".join(line for kind, line in told.lines if kind is Kind.KEPT).split()
    if told.content.stripped:
        assert "".join(kept).replace("-", "") == "".join(told.content.stripped.split()).replace("-", "")
    assert told.content == read(message("\n".join(lines)), marker)
