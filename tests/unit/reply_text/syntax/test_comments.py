"""Comments, removed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text.syntax.comments import without_comments
from tests.support.processes.clocked import hostile, in_time


@pytest.mark.parametrize(
    "value,kept",
    [
        ("no", "no"),
        ("no (really)", "no "),
        ("a(b)c(d)e", "ace"),
        ("a(b(c)d)e", "ae"),
        ("a(b\\)c)d", "ad"),
        ("a(b\\(c)d", "ad"),
        ('"(kept)" (gone)', '"(kept)" '),
        ('"\\"(kept)"', '"\\"(kept)"'),
        ('(a " b) c', " c"),
        ("a (never closed", "a "),
        ("a) b", "a) b"),
        ("a \\( b", "a \\( b"),
        ("", ""),
    ],
)
def test_comments_go_and_quoted_strings_stay(value: str, kept: str) -> None:
    """RFC 5322 section 3.2.2: nested, with quoted pairs, or never closed."""
    assert without_comments(value) == kept


@given(st.text(st.sampled_from('()"\\ab '), max_size=100))
def test_removing_twice_is_removing_once(value: str) -> None:
    """Nothing is uncovered but quoting that a comment had interrupted."""
    once = without_comments(value)
    assert len(once) <= len(value)
    if '"' not in value and "\\" not in value:
        assert without_comments(once) == once


@pytest.mark.parametrize("piece", ["(", ")", "()", '"', "\\", "(\\", '("', "a"])
def test_hostile_value_costs_little(piece: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        without_comments("(" + hostile(piece))
