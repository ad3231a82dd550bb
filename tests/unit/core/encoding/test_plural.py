"""Numbers with their nouns."""

import pytest

from reply_milter.core.encoding.plural import counted


@pytest.mark.parametrize(
    "number,text", [(0, "0 replies"), (1, "1 reply"), (2, "2 replies"), (21, "21 replies"), (1001, "1001 replies")]
)
def test_only_one_is_singular(number: int, text: str) -> None:
    """Zero is not."""
    assert counted(number, "reply", "replies") == text


def test_a_regular_plural_needs_no_second_word() -> None:
    """An s."""
    assert (counted(1, "user"), counted(2, "user")) == ("1 user", "2 users")
