"""Automata of patterns: whether two of them have an address in common is decided, never guessed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.wrapping.automaton import Chain, Run, common_text, literal
from reply_milter.core.wrapping.pattern import Pattern, glob, parse
from tests.unit.core.wrapping.test_pattern import PATTERNS, matching


def _matches(pattern: Pattern, address: str) -> bool:
    """Case aside, as conflicts are told."""
    return any(common_text(chain, literal(address.rpartition("@")[0]), 320) for chain in pattern.chains)


@given(PATTERNS, PATTERNS)
def test_the_example_is_matched_by_both(one: Pattern, other: Pattern) -> None:
    """And whoever asks first."""
    example = one.common_address(other)
    assert (example is None) == (other.common_address(one) is None)
    if example is not None:
        for pattern in (one, other):
            assert _matches(pattern, example)
            assert pattern.match(example) or not pattern.local.flags & re.IGNORECASE


@given(st.data())
def test_without_an_example_no_address_is_matched_by_both(data: st.DataObject) -> None:
    """Whatever one of them matches."""
    one, other = data.draw(PATTERNS), data.draw(PATTERNS)
    address = f"{data.draw(matching(one))}@x.test"
    if one.common_address(other) is None:
        assert other.match(address) is None
        assert other.match(address.swapcase()) is None


@given(PATTERNS)
def test_every_pattern_overlaps_itself(pattern: Pattern) -> None:
    """So nothing is left out by the search."""
    assert pattern.common_address(pattern)


_ANY = Run(frozenset("ab"), 0, None)
_A, _B = frozenset("a"), frozenset("b")


@pytest.mark.parametrize(
    "one,other,found",
    [
        ((), (), ""),
        ((), literal("a"), None),
        (literal("ab"), literal("AB"), "ab"),
        (literal("ab"), (_ANY,), "ab"),
        ((Run(_A, 2, 3), Run(_B)), (Run(_A, 3, 9), _ANY), "aaab"),
        ((Run(_A, 2, 3), Run(_B)), (Run(_A, 4, 9), _ANY), None),
        ((Run(_A, 0, 3), Run(_B, 0, 2)), (Run(_A), Run(_B)), "ab"),
        ((Run(_A, 320, 320),), (_ANY,), "a" * 320),
        ((Run(_A, 321, 321),), (_ANY,), None),
        ((_ANY, *literal("ba"), _ANY), (Run(_A, 0, None), Run(_B, 0, None)), None),
    ],
)
def test_the_shortest_common_text(one: Chain, other: Chain, found: str | None) -> None:
    """Of at most so many characters."""
    text = common_text(one, other, 320)
    assert text == found or (text is not None and found is not None and text.lower() == found)


@pytest.mark.parametrize(
    "other,found",
    [
        (glob("incoming+*-issue@x.test"), "incoming+0-0000000000000000000000000-issue@x.test"),
        (glob("incoming+*-*-*-issue@x.test"), None),
        (glob("incoming+*-*-issue-@x.test"), None),
        (glob("incoming+*-*-*-issue@y.test"), None),
        (parse("Incoming+{key}@x.test", "[A-F]{32}", case_matters=True), "incoming+" + "a" * 32 + "@x.test"),
    ],
)
def test_gitlab_has_keys_that_look_like_new_issues(other: Pattern, found: str | None) -> None:
    """A namespace may be called `issue` in base 36: three dashes tell an open address from a key."""
    key = "[0-9a-f]{32} [0-9a-z]{1,4}-[0-9a-z]{25} [0-9a-z]{1,4}-[0-9a-z]{25}-[0-9a-z]{1,13}"
    example = parse("incoming+{key}@x.test", key).common_address(other)
    assert (example and example.lower()) == found
