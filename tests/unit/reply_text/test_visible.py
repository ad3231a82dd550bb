"""What shows nothing, and what only points to the HTML beside it."""

import pytest

from reply_text import visible


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\r",
        "\xa0\u2007\u3000",
        "\u200b\u200c\u200d\ufeff\xad\u034f",
        "\u115f\u1160\u3164\uffa0\u2800",
        "\ufe0f",
    ],
)
def test_text_that_no_program_draws_is_blank(text: str) -> None:
    """Spaces, format characters and fillers."""
    assert visible.is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\u200b.", "\U0001fae8", "\U0001fbff", "\ue000", "\ufffd", "\u0301", "한"])
def test_text_that_is_drawn_is_not_blank(text: str) -> None:
    """Emoji that are younger than our tables, private characters, marks."""
    assert not visible.is_blank(text)


@pytest.mark.parametrize(
    "plain,page,notice",
    [
        ("This message is in HTML.", "The blue one.", True),
        ("This message is in HTML.", "This message is what I wanted to say in the first place.", True),
        ("Ce message est au format HTML", "Le bleu.", True),
        ("これはHTMLメールです。", "青い方", True),
        ("\u200b", "The blue one.", True),
        ("\u200b" * 1000, "The blue one.", True),
        ("Is the HTML blue?", "Is the HTML blue?", False),
        ("Is the HTML\nblue?", "Is the HTML blue?", False),
        ("Yes.\nThe HTML one.", "Yes. The HTML one <https://x.example/>.", False),
        ("This message is in HTML.", "", False),
        ("The blue one.", "Something else", False),
        ("HTML " + "word " * 100, "Something else", False),
    ],
)
def test_a_notice_is_told_from_the_authors_words(plain: str, page: str, notice: bool) -> None:
    """A notice stands in no other part; the author's words stand in both."""
    assert visible.is_notice(plain, page) is notice
