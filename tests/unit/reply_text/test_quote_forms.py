"""What tells a quote or a message below by its form, in any language; and prose that looks like it."""

import pytest

from reply_text.lines import of_text
from reply_text.stripping import strip

_SUBJECT = "Re: Which colour?"
_QUOTE = "> q\n>\n> r"
_ATTRIBUTION = "On Mon, 23 Nov 2026 at 11:00, Shop <shop@example.com> wrote:"


def _stripped(text: str, subject: str = "", forwarding: bool = False) -> str:
    return strip(of_text(text), forwarding=forwarding, subject=subject).text


@pytest.mark.parametrize(
    "line",
    [
        "Xob 23 blim 2026 11:00 Shop <shop@example.com> frup:",
        "Xob 23 blim 2026 11.00 Shop <shop@example.com> frup:",
        "Xob ٢٣ blim ٢٠٢٦ ١١:٠٠ Shop <shop@example.com> frup:",
        "Xob 23 blim 2569 11:00 Shop <shop@example.com> frup:",
        "Xob 23 blim ۱۴۰۵ 11:00 Shop <shop@example.com> frup:",
        "Shop <shop@example.com>, 23 blim 2026, 3 PM frup:",
        "Shop (shop@example.com) 23/11/2026 11:00 frup:",
        "Shop [mailto:shop@example.com] 23.11.2026 11:00:",
        "* Shop <shop@example.com> [2026-11-23 11:00 +0100]:",
        "* Shop <shop@example.com> [2026-11-23 11:00 +0100]\uff1a",
        "Shop <shop@example.com> 23 blim 2026 11:00 \u17d6",
        '"Shop" shop@example.com \u2013 23 November 2026 11:00',
        '"Shop" <shop@example.com> - November 23, 2026 11:00 AM',
        "Shop <shop@example.com> | 2026-11-23 11:00",
        "2026-11-23 11:00 GMT+01:00 Some One",
    ],
)
def test_an_attribution_needs_no_known_word(line: str) -> None:
    """Above a quote: above it own words, below it, or around it."""
    assert _stripped(f"Yes.\n\n{line}\n\n{_QUOTE}") == "Yes."
    assert _stripped(f"{line}\n{_QUOTE}\n\nYes.") == "Yes."
    assert _stripped(f"Yes.\n\n{line}\n\n{_QUOTE}\n\nNo.") == "Yes.\n\nNo."


@pytest.mark.parametrize(
    "line",
    [
        "Ask ops@example.com by 11:00 on 23.11.2026:",
        "Ask Bob <bob@example.org> by 11:00 on 23.11.2026, then run this:",
        "Ask Bob <bob@example.org> by 11:00 on 23.11.2026",
        "Bob <bob@example.org> says:",
        "Bob <bob@example.org> says in 2026:",
        "On 23 November 2026 at 11:00 I saw this:",
        "The price of 2026, 10.50, is at <https://shop@example.com>:",
        "bob@example.org 2026",
        "2026-11-23 11:00 deploy failed",
        "2026-11-23 11:00 GMT+01:00 took 5 minutes",
    ],
)
def test_prose_above_such_lines_stays(line: str) -> None:
    """With the lines below it, which may be code."""
    text = f"Yes.\n\n{line}\n{_QUOTE}\n\nIs that right?"
    assert _stripped(text) == text


def test_such_an_attribution_is_a_paragraph_of_its_own() -> None:
    """And what was not wrapped into it is no part of it."""
    line = "Xob 23 blim 2026 11:00 Shop <shop@example.com> frup:"
    for prose in ("I know that", "Bob said this:"):
        text = f"{prose}\n{line}\n{_QUOTE}\n\nYes."
        assert _stripped(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "Shop writes:",
        "The Shop wrote:",
        "Shop a \u00e9crit :",
        "Shop via Desk schrieb:",
        "\u5546\u5e97 \u5199\u9053\uff1a",
    ],
)
def test_a_name_and_a_verb_do_above_a_quote_that_runs_to_the_end(line: str) -> None:
    """With words above it, of two lines at least; a signature may follow."""
    assert _stripped(f"Yes.\n\n{line}\n{_QUOTE}") == "Yes."
    assert _stripped(f"Yes.\n\n{line}\n\n{_QUOTE}\n\n-- \nJane") == "Yes."
    for text in (f"Yes.\n\n{line}\n> q", f"Yes.\n\n{line}\n{_QUOTE}\n\nNo.", f"Yes.\n{line}\n{_QUOTE}"):
        assert _stripped(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "He wrote:",
        "As you wrote:",
        "I wrote:",
        "In 1984 Orwell wrote:",
        "My boss wrote:",
        "wrote:",
        "Er schrieb:",
        "Shop wrote this:",
    ],
)
def test_a_sentence_is_no_name(line: str) -> None:
    """What follows it is an excerpt that the author wants to be read."""
    text = f"Yes.\n\n{line}\n\n{_QUOTE}"
    assert _stripped(text) == text


_BLOCK = "Fraz: Shop <shop@example.com>\nXent: 23 blim 2026 11:00\nDrok: Jane\nZub: Which colour?"


@pytest.mark.parametrize(
    "block",
    [
        _BLOCK,
        _BLOCK.replace(":", " :"),
        _BLOCK.replace(": ", "\uff1a"),
        _BLOCK.replace("Drok: Jane\n", ""),
        _BLOCK.replace("2026", "٢٠٢٦"),
        _BLOCK.replace("Fraz: ", "*Fraz:* ").replace("Zub: ", "*Zub:* "),
        _BLOCK.replace("Fraz", "\u200fFraz\u200f"),
        "Fraz: shop@example.com\nZub: Re: Which colour?\nXent: 23 blim 2026 11:00\nDrok: Jane\nKop: Kim",
    ],
)  # fmt: skip
def test_a_block_of_unknown_labels_holds_the_subject(block: str) -> None:
    """Below a blank line or a row, with words or without, if the author wrote above it."""
    assert _stripped(f"Yes.\n\n{block}\n\nq", _SUBJECT) == "Yes."
    assert _stripped(f"Yes.\n-----\n{block}\n\nq", _SUBJECT) == "Yes.\n-----\n" + f"{block}\n\nq"
    assert _stripped(f"Yes.\n\n--- Drubl ---\n\n{block}\n\nq", f"AW: [Shop] {_SUBJECT}") == "Yes."
    assert _stripped(f"Yes.\n{'_' * 32}\n{block}\n\nq") == "Yes."
    assert _stripped(f"{block}\n\nq", _SUBJECT) == f"{block}\n\nq"
    assert _stripped(f"Yes.\n\n{block}\n\nq", "Fwd: Which colour?", forwarding=True) == f"Yes.\n\n{block}\n\nq"


@pytest.mark.parametrize(
    "text,subject",
    [
        (f"Yes.\n\n{_BLOCK}\n\nq", "Re: Another"),
        (f"Yes.\n\n{_BLOCK}\n\nq", ""),
        (f"Yes.\n{_BLOCK}\n\nq", _SUBJECT),
        (f"Yes.\n\n{_BLOCK.replace('<shop@example.com>', '')}\n\nq", _SUBJECT),
        (f"Yes.\n\n{_BLOCK.replace('11:00', 'noon')}\n\nq", _SUBJECT),
        (f"Yes.\n\n{_BLOCK.replace('Drok: Jane', 'and then')}\n\nq", _SUBJECT),
        ("Yes.\n\nShop: a@b\nWhich colour?: 2026 11:00\n\nq", _SUBJECT),
        ("Yes.\n\nNo: it is green.\nSee: the list.\n\nq", _SUBJECT),
    ],
)  # fmt: skip
def test_lists_of_the_author_stay(text: str, subject: str) -> None:
    """Without the subject, the address, the time, or the blank line above."""
    assert _stripped(text, subject) == text


def test_a_row_with_words_goes_only_above_a_block() -> None:
    """Above anything else the author drew it."""
    block = "From: Shop <shop@example.com>\nSent: Monday, November 23, 2026 11:00 AM\nTo: Jane\nSubject: Which colour?"
    assert _stripped(f"Yes.\n\n---- Urspr\u00fcnglich ----\n{block}\n\nq") == "Yes."
    assert _stripped(f"Yes.\n\n--- Jane ---\n\n{_ATTRIBUTION}\n{_QUOTE}") == "Yes.\n\n--- Jane ---"
    forwarded = f"See.\n\n---------- Forwarded message ---------\n{block}\n\nq"
    assert _stripped(forwarded) == forwarded


@pytest.mark.parametrize(
    "line",
    [
        ">>> Shop <shop@example.com> 11/23/2026 3:41 PM >>>",
        ">>> Shop 23.11.26 15:41 >>>",
        ">>> Shop 2026-11-23 15:41 >>> ",
    ],
)
def test_groupwise_opens_with_chevrons(line: str) -> None:
    """And needs a date with its time."""
    assert _stripped(f"Yes.\n\n{line}\nq\n\nr") == "Yes."
    without = line.replace("3:41 PM", "").replace("15:41", "")
    assert _stripped(f"Yes.\n\n{without}\nq\n\nr") == f"Yes.\n\n{without}\nq\n\nr"


@pytest.mark.parametrize("indentation", [" ", "  ", "   "])
def test_indented_quotes_are_quotes_beside_others(indentation: str) -> None:
    """Or below an attribution; else they are the author's."""
    assert _stripped(f"Yes.\n\n{_ATTRIBUTION}\n\n{indentation}> q\n{indentation}> r") == "Yes."
    assert _stripped(f"Yes.\n\n{_ATTRIBUTION}\n> q\n{indentation}>\n{indentation}> r\n> s") == "Yes."
    text = f"Run\n{indentation}> make\nand tell me."
    assert _stripped(f"{_ATTRIBUTION}\n> q\n\n{text}") == text
    assert _stripped(f"Yes.\n\n{indentation} {' ' * 3}> q") == f"Yes.\n\n{indentation} {' ' * 3}> q"


def test_what_is_kept_keeps_its_indentation() -> None:
    """Quotes that are answered stay as they came."""
    text = f"{_ATTRIBUTION}\n > q\nYes.\n > r\nNo.\n > s"
    assert _stripped(text) == "> q\nYes.\n > r\nNo."


@pytest.mark.parametrize("prefix", ["S>", "Shop>", "|", "   Shop>"])
def test_prefixes_quote_below_an_attribution(prefix: str) -> None:
    """And nowhere else."""
    quote = f"{prefix} q\n\n{prefix} r"
    assert _stripped(f"{_ATTRIBUTION}\n{quote}\n\nYes.") == "Yes."
    assert _stripped(f"Yes.\n\n{_ATTRIBUTION}\n\n{quote}") == "Yes."
    assert _stripped(f"Yes:\n\n{quote}\n\nNo.") == f"Yes:\n\n{quote}\n\nNo."


_LONG = "> We would like to know which of the two colours you would like to have, and why"


@pytest.mark.parametrize(
    "quote,kept",
    [
        (f"{_LONG}\nyou\n> want it", "Yes."),
        (f"{_LONG}\nyou\n{_LONG[:-4]}\nwhere\n> it goes", "Yes."),
        ("> See https://shop.example.com/orders/2351/\ncomments/99281\n> or not", "Yes."),
        ("> See https://shop.example.com/orders/2351/\nno\n> or not", None),
        ("> See https://shop.example.com/orders/2351/\nIt is out of date.\n> or not", None),
        (f"{_LONG}\nBlue.\n> want it", None),
        (f"{_LONG}?\nblue\n> want it", None),
        ("> which one\nblue\n> how many\nthree\n> and when", None),
        (f"{_LONG}\nyou\n> want it\nBlue.\n> and more", None),
    ],
)  # fmt: skip
def test_rests_of_wrapped_lines_belong_to_the_quote(quote: str, kept: str | None) -> None:
    """Unless one of them can be an answer: then all of them stay, with what they answer."""
    text = f"Yes.\n\n{_ATTRIBUTION}\n\n{quote}"
    answered = quote.rpartition("\n")[0]
    assert _stripped(text) == (kept or f"Yes.\n{answered}")


def test_rests_stay_if_nothing_else_is_left() -> None:
    """They may be the answers."""
    assert _stripped(f"{_ATTRIBUTION}\n\n{_LONG}\nyou\n> want it") == f"{_LONG}\nyou"


@pytest.mark.parametrize("opening", ["<", "Shop <"])
@pytest.mark.parametrize("address", ["shop@example.com", "mailto:shop@example.com"])
def test_attributions_are_mended(opening: str, address: str) -> None:
    """Of three to five lines, above a quote and without one."""
    for name in ("", "The Shop\n"):
        broken = f"On Nov 23, 2026, at 11:00 AM,\n{name}{opening}\n{address}\n> wrote:"
        assert _stripped(f"Yes.\n\n{broken}\n\n{_QUOTE}") == "Yes."
        assert _stripped(f"Yes.\n\n{broken}\n\nq\n\nr") == "Yes."


def test_an_attribution_without_its_quote_goes() -> None:
    """If it stands on top; what is below may be anybody's, and stays."""
    assert _stripped(f"{_ATTRIBUTION}\n\nYes.") == "Yes."
    assert _stripped(f"\n{_ATTRIBUTION}\nYes.\n\n> make") == "Yes.\n\n> make"
    assert _stripped(_ATTRIBUTION) == _ATTRIBUTION


def test_controls_of_direction_count_for_nothing() -> None:
    """In attributions, labels, rows, signatures and the marker; in the author's words they stay."""
    assert _stripped(f"a\u200eb.\n\n\u202b{_ATTRIBUTION}\u202c\n{_QUOTE}") == "a\u200eb."
    assert _stripped("Yes.\n\n\u2066Sent from my iPhone\u2069") == "Yes."
    assert _stripped("Yes.\n\n\u200f-----Original Message-----\u200e\nq") == "Yes."
    assert strip(of_text("Yes.\n\n\u200e-- above --\nq"), "-- above --").text == "Yes."
    assert _stripped("\u0661\u0662\u200f") == "\u0661\u0662\u200f"
