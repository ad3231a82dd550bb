"""format=flowed and DelSp (RFC 3676): what is joined, what stays, and that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import read
from reply_text.flowed import undone
from tests.support.content_under_test import ADDRESS, message

_FLOWED = {"format": "flowed"}
_DELSP = {"format": "Flowed ", "delsp": "YES"}


@pytest.mark.parametrize(
    "text,joined",
    [
        ("a \nb", "a b"),
        ("a \nb \nc\nd", "a b c\nd"),
        ("a\nb", "a\nb"),
        ("a \n", "a \n"),
        ("a \n\nb", "a \n\nb"),
        ("a \n \nb", "a \n\nb"),
        ("a ", "a "),
        ("", ""),
        ("> a \n> b\nc", "> a b\nc"),
        ("> a \nb", "> a \nb"),
        ("a \n> b", "a \n> b"),
        (">> a \n>> b \n> c", ">> a b \n> c"),
        ("> > a \n> > b", "> > a b"),
        (">a \n>b", ">a b"),
        ("> a \n>\n> b", "> a \n>\n> b"),
        ("a \n-- \nJane \nDoe", "a \n-- \nJane Doe"),
        ("> a \n> -- \n> Jane", "> a \n> -- \n> Jane"),
        (" From here \non", "From here on"),
        ("  indented", " indented"),
    ],
)
def test_flowed_lines_become_one(text: str, joined: str) -> None:
    """Of one quote depth, up to a line without a space at its end (sections 4.2 to 4.5)."""
    assert undone(text, _FLOWED) == joined


@pytest.mark.parametrize(
    "text,joined",
    [
        ("https://a.example/b \nc", "https://a.example/bc"),
        ("want to  \nwork", "want to work"),
        ("金曜日までに \nお返事", "金曜日までにお返事"),
        ("> a  \n> b", "> a b"),
        ("-- \nJane", "-- \nJane"),
        ("a \n\nb", "a\n\nb"),
    ],
)
def test_delsp_takes_the_space_off(text: str, joined: str) -> None:
    """For links that were too long, and for scripts without spaces (section 4.1)."""
    assert undone(text, _DELSP) == joined


@pytest.mark.parametrize("parameters", [{}, {"format": "fixed"}, {"format": "", "delsp": "yes"}, {"delsp": "yes"}])
def test_other_text_stays_as_it_came(parameters: dict[str, str]) -> None:
    """A space at the end of a line means nothing there."""
    assert undone(" a \nb", parameters) == " a \nb"


@pytest.mark.parametrize(
    "line,shown",
    [
        (" > a", "    > a"), (" >", "    >"), ("   >a", "    >a"), ("       >a", "    >a"),
        (" --", " --"), (" -- ", " -- "), (" --dry-run", " --dry-run"),
    ],
)  # fmt: skip
def test_a_line_of_the_authors_does_not_look_like_a_quote_or_a_signature(line: str, shown: str) -> None:
    """Programs put a space before it; without one, or next to a quote with one, it would be taken for that."""
    assert undone(f"{line}\nb", _FLOWED).startswith(shown)
    quote = "On Mon, 23 Nov 2026 11:00, Shop <s@b.example> wrote:\n> q\n"
    content = read(message(f"{quote}{line}\nNo.\n", "Content-Type: text/plain; format=flowed"))
    assert content.stripped.split() == [*line.split(), "No."]


def test_only_parts_that_say_so_are_joined() -> None:
    """In text and in stripped; a redacted address that was broken by DelSp is whole before it is looked for."""
    kind = "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes"
    content = read(
        message("See https://a.example/ \nb\n\nOn Mon, 23 Nov 2026 11:00, S <s@b.example> wrote:\n> q \n> r\n", kind)
    )
    assert content.text == "See https://a.example/b\n\nOn Mon, 23 Nov 2026 11:00, S <s@b.example> wrote:\n> qr\n"
    assert content.stripped == "See https://a.example/b"
    whole = read(message(f"{ADDRESS[:20]} \n{ADDRESS[20:]}\n", kind), redact=lambda text: text.replace(ADDRESS, "gone"))
    assert (whole.text, whole.stripped) == ("gone\n", "gone")


@given(st.text(alphabet="ab>- \n", max_size=200), st.booleans())
def test_no_word_is_lost_or_made_up(text: str, deletes_space: bool) -> None:
    """All but spaces, line ends, and the marks of lines that were joined, in their order; and twice is once."""
    joined = undone(text, _DELSP if deletes_space else _FLOWED)
    assert "".join(joined.split()).replace(">", "") == "".join(text.split()).replace(">", "")
    assert len(joined) <= len(text) + 3 * text.count(">")
    assert joined.count("\n") <= text.count("\n")
