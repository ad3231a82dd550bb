"""Rules of stripping, one by one; mail programs are in ``test_corpus``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text.lines import Line, Role, of_text
from reply_text.stripping import strip

_MARKER = "-- reply above this line --"
_ATTRIBUTION = "On Mon, 23 Nov 2026 at 11:00, Shop <shop@example.com> wrote:"
_BLOCK = "From: Shop <shop@example.com>\nSent: Monday, November 23, 2026 11:00 AM\nTo: Jane\nSubject: Which colour?"


def _stripped(text: str, marker: str = "", forwarding: bool = False) -> str:
    return strip(of_text(text), marker, forwarding).text


@pytest.mark.parametrize(
    "text,kept",
    [
        (f"Yes.\n\n{_ATTRIBUTION}\n> q", "Yes."),
        (f"{_ATTRIBUTION}\n> q\n\nYes.", "Yes."),
        (f"Hi,\n{_ATTRIBUTION}\n> q\nYes.", "Hi,\n\nYes."),
        (f"{_ATTRIBUTION}\n> q\nYes.\n> r\nNo.\n> s", "> q\nYes.\n> r\nNo."),
        (f"{_ATTRIBUTION}\n\n\n> q", ""),
        (f"Yes.\n\n{_ATTRIBUTION}\n\nnot quoted", "Yes."),
        (f"Yes.\n\n{_ATTRIBUTION}", "Yes."),
        ("Yes.\n\n> q", "Yes.\n\n> q"),
        ("> q\n\nYes.", "> q\n\nYes."),
        ("> q", ""),
        ("Yes.\n\nShop wrote:\n> q", "Yes.\n\nShop wrote:\n> q"),
        ("In 1984 Orwell wrote:\n> q", "In 1984 Orwell wrote:\n> q"),
        ("The server said at 11:00 on 23.11.2026:\n> q", ""),
        ("At 11:00 on 23.11.2026 I saw:\n> q\nIs that right?", "At 11:00 on 23.11.2026 I saw:\n> q\nIs that right?"),
        ("A line of mine.\nShop <shop@example.com> wrote:\n> q", "A line of mine."),
        ("Thanks 4 all.\nShop <shop@example.com> wrote:\n> q", "Thanks 4 all."),
        ("  indented\n    code", "indented\n    code"),
        ("    code\n    code", "    code\n    code"),
        ("\n \n\tcode\n \n", "\tcode"),
        ("", ""),
    ],
)  # fmt: skip
def test_quotes_go_where_they_are_certain(text: str, kept: str) -> None:
    """Above, below, between, with and without an attribution."""
    assert _stripped(text) == kept


@pytest.mark.parametrize(
    "text,kept",
    [
        (f"Yes.\n\n{_BLOCK}\n\nq", "Yes."),
        (f"Yes.\n________________________________\n{_BLOCK}\n\nq", "Yes."),
        (f"Yes.\n\n-----Original Message-----\n{_BLOCK}\n\nq", "Yes."),
        (f"Yes.\n\n{_BLOCK}\n\n> q\n\nNo.", "Yes.\n\nNo."),
        (f"{_BLOCK}\n\nq\n\nYes.", f"{_BLOCK}\n\nq\n\nYes."),
        (f"See my answers in red.\n\n{_BLOCK}\n\nq\nYes.", "See my answers in red."),
        (f"Sent from my iPhone\n\n{_BLOCK}\n\nq", f"Sent from my iPhone\n\n{_BLOCK}\n\nq"),
    ],
)  # fmt: skip
def test_the_message_below_goes_if_the_author_wrote_above_it(text: str, kept: str) -> None:
    """Else the author may have written below or within it."""
    assert _stripped(text) == kept


@pytest.mark.parametrize(
    "text,kept",
    [
        (f"Yes.\n\n{_MARKER}\n\nq", "Yes."),
        (f"Yes.\n\n> {_MARKER}\n> q", "Yes."),
        (f"Yes.\n\n*{_MARKER.upper()}*\nq", "Yes."),
        (f"Yes.\n\n> __{_MARKER}__\n> q", "Yes."),
        ("Yes.\n\n-- reply above\nthis line --\nq", "Yes.\n\n-- reply above\nthis line --\nq"),
        (f"Yes.\n\n{_ATTRIBUTION}\n\n{_MARKER} and more\nq", "Yes."),
        (f"Yes.\n\nOn Mon, 23 Nov 2026, Shop wrote:\n\n{_MARKER}\nq", "Yes."),
        (f"Yes.\n\n{_BLOCK}\n\n{_MARKER}\nq", "Yes."),
        (f"{_BLOCK}\n\n{_MARKER}\nq", ""),
        (f"{_MARKER}\nq", ""),
        (f"{_ATTRIBUTION}\n> {_MARKER}\n> q\n\nYes.", "Yes."),
        (f'I see "{_MARKER}" there.', f'I see "{_MARKER}" there.'),
        (f"Yes.\n\n-- \nJane\n\n{_MARKER}\nq", "Yes."),
    ],
)
def test_everything_from_the_marker_on_goes(text: str, kept: str) -> None:
    """Whatever stands around it, unless the author wrote below a quote that has it."""
    assert _stripped(text, _MARKER) == kept


def test_a_bracket_that_gmail_wrapped_closes_its_address() -> None:
    """And only that: what goes on after it is a line of its own, however long the chain."""
    attribution = "Op ma 23 nov 2026 om 11:00 schreef Shop <shop@example.com"
    assert _stripped(f"Ja.\n\n{attribution}\n>:\n\n> q") == "Ja."
    assert _stripped("Ja <a@b\n> <a@b\n> nee") == "Ja <a@b\n> <a@b> nee"


def test_without_a_marker_there_is_none() -> None:
    """An empty one, or one of nothing but decoration, matches no line."""
    assert _stripped("a\n\nb", "") == _stripped("a\n\nb", " > ") == "a\n\nb"


@pytest.mark.parametrize(
    "text,kept",
    [
        ("Yes.\n-- \nJane\n\nCompany", "Yes."),
        ("Yes.\n--\nJane", "Yes."),
        ("Yes.\n--\n" + "line\n" * 11, "Yes.\n--\n" + "line\n" * 10 + "line"),
        ("Yes.\n\nSent from my iPhone", "Yes."),
        ("Yes.\n\nSent from my iPhone\n\nNo.", "Yes.\n\nSent from my iPhone\n\nNo."),
        ("Yes.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>", "Yes."),
        ("Yes.\n\nGet Outlook for Android <https://aka.ms/AAb9ysg>", "Yes."),
        ("Yes.\n\nSent from Yahoo Mail on Android", "Yes."),
        ("Yes.\n\nSent from Mail for Windows 10", "Yes."),
        ("Yes.\n\nSent from my Verizon, Samsung Galaxy smartphone", "Yes."),
        ("Ja.\n\nVon meinem iPad gesendet", "Ja."),
        ("Ja.\n\nGesendet von Outlook für iOS", "Ja."),
        ("Oui.\n\nEnvoyé de mon iPhone", "Oui."),
        ("Sí.\n\nEnviado desde mi iPhone", "Sí."),
        ("Sim.\n\nEnviado do meu iPhone", "Sim."),
        ("Sì.\n\nInviato da iPhone", "Sì."),
        ("Ja.\n\nVerstuurd vanaf mijn iPhone", "Ja."),
        ("Tak.\n\nWysłane z iPhone'a", "Tak."),
        ("はい。\n\niPhoneから送信", "はい。"),
        ("是。\n\n发自我的 iPhone", "是。"),
    ],
)  # fmt: skip
def test_signatures_go_from_the_end(text: str, kept: str) -> None:
    """What a program or RFC 3676 marks; never what only looks like a farewell."""
    assert _stripped(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Mail ops@example.com by 11:00 on 23.11.2026:\n\nit is urgent.",
        "Yes.\n\nFrom: now on\nTo: be sure\nSubject: to change",
        "From: Berlin\nTo: Hamburg\nDate: 23.11.\nx",
        "Yes.\n\nFrom: a@b\nDate: some day\nSubject: c",
        "Yes.\n\nOriginal Message\n\nis a film.",
        "On Monday I wrote:\n\nthat it is blue.",
        "Yes.\n\nSent from my phone because the laptop has died, see the log",
        "Yes.\n\nRegards, Jane",
        "从明天开始我会",
        "a\n---\nb",
    ],
)
def test_prose_that_only_looks_like_it_stays(text: str) -> None:
    """Where it can't be known, text stays."""
    assert _stripped(text) == text


def test_what_is_forwarded_stays() -> None:
    """With the words above it, and with the signature of whoever wrote it."""
    forwarded = f"---------- Forwarded message ---------\n{_BLOCK}\n\nq\n-- \nShop"
    assert _stripped(f"See.\n-- \nJane\n\n{forwarded}") == f"See.\n{forwarded}"
    assert _stripped(f"See.\n\n{_BLOCK}\n\nq", forwarding=True) == f"See.\n\n{_BLOCK}\n\nq"


def test_what_was_forwarded_in_the_message_below_goes_with_it() -> None:
    """Quoted or not: the author of the answer passed nothing on."""
    forwarded = f"---------- Forwarded message ---------\n{_BLOCK}\n\nq"
    quoted = "\n".join(f"> {line}" for line in forwarded.split("\n"))
    assert _stripped(f"Yes.\n\n{_ATTRIBUTION}\n{quoted}") == "Yes."
    assert _stripped(f"Yes.\n\n{_BLOCK}\n\nHi.\n\n{forwarded}") == "Yes."
    apple = "> Begin forwarded message:\n> \n> From: Shop\n> q"
    assert _stripped(f"See.\n\n{apple}", forwarding=True) == f"See.\n\n{apple}"


def test_marks_of_html_decide() -> None:
    """A quote that a program marked needs no attribution; a signature counts only at the end."""
    quote = Line("> q", Role.QUOTED)
    assert strip([Line("Yes."), quote]).text == "Yes."
    assert strip([Line("Yes."), Line("Wer weiß, schreibt:", Role.ATTRIBUTION), quote]).text == "Yes."
    assert strip([Line("Yes."), Line("Jane", Role.SIGNATURE)]).text == "Yes."
    assert strip([Line("Jane", Role.SIGNATURE), Line("Yes.")]).text == "Jane\nYes."
    assert strip([Line("Yes."), Line("Od: x", Role.ORIGINAL), Line("q")]).text == "Yes."
    assert strip([Line("Od: x", Role.ORIGINAL), Line("q")]).text == "Od: x\nq"


def test_found_says_whether_something_foreign_was_there() -> None:
    """Signatures aside: with it, HTML is asked when plain text shows nothing."""
    assert not strip(of_text("Yes.\n-- \nJane")).found
    assert not strip(of_text("Yes.\n\n> code")).found
    assert strip(of_text(f"Yes.\n\n{_ATTRIBUTION}\n> q")).found
    assert strip(of_text(f"Yes.\n\n{_BLOCK}\n\nq")).found


_PIECES = st.sampled_from(
    ["Yes.", "", " ", "> q", ">", ">> r", _ATTRIBUTION, *_BLOCK.split("\n"), "-- ", "--", "___", _MARKER, "wrote:"]
)


@given(st.lists(_PIECES | st.text(max_size=20).filter(lambda text: "\n" not in text), max_size=30))
def test_nothing_is_made_up(lines: list[str]) -> None:
    """Each line that is kept stood there, in this order."""
    kept = _stripped("\n".join(lines), _MARKER).split("\n")
    remaining = iter(lines)
    for line in kept:
        assert not line.strip() or any(line.strip() in original for original in remaining)


@given(st.lists(st.sampled_from(["One thing.", "Another: thing", "", "a - b", "(c)", "1. d", "On e"]), max_size=30))
def test_prose_is_kept_whole(lines: list[str]) -> None:
    """Without any sign of a quote, nothing goes but blank lines at the ends."""
    assert _stripped("\n".join(lines)) == "\n".join(lines).strip()
