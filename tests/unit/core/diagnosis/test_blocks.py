"""main.cf and master.cf in blocks: no octet is lost, and entries are read as Postfix reads them."""

import pytest

from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.blocks import Block, name_of, service_of, split

TEXT = "# a\n\nx = 1\n  # within\n\n  2\n# behind\n\ny=3\n  4\n \n"


def test_an_entry_goes_on_behind_comments() -> None:
    """Of those behind its last line, none is its own."""
    assert split(TEXT, name_of) == [
        Block("", "# a\n\n"), Block("x", "x = 1\n  # within\n\n  2\n"), Block("", "# behind\n\n"),
        Block("y", "y=3\n  4\n"), Block("", " \n"),
    ]  # fmt: skip
    assert list(syntax.entries(TEXT)) == [("x", "1  2"), ("y", "3  4")]


@pytest.mark.parametrize("text", [TEXT, "", "\n", "  x", "x", "x=1\r\n\x0b=2\u2028 a\n  b", "x=1\n\n  # c"])
def test_the_blocks_are_the_text(text: str) -> None:
    """Whatever stands in it."""
    assert "".join(block.text for block in split(text, name_of)) == text


def test_a_service_is_named_by_its_first_two_words() -> None:
    """Of the first line."""
    assert split("a  inet n - y\n  - - smtpd\n", service_of) == [Block("a/inet", "a  inet n - y\n  - - smtpd\n")]
