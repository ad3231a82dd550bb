"""The sealed verdict: nothing but white space, and one ``;`` behind it, may change."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.seal.verdict_header import SealProblem, seal, unseal
from tests.support.fakes import SEAL_KEY
from tests.support.processes.clocked import hostile, in_time

TAGS = [("v", "1"), ("result", "pass"), ("reason", "ok"), ("user", "42"), ("locator", "a/b"), ("body", "x" * 26)]
VALUE = seal(TAGS, SEAL_KEY)
WHITE = " \t\r\n"
FOREIGN = "\u00a0\u2028\u0085\u3000\ufeff\u212a\u017f\u0131\uff10\uff1b\uff1d\u00df\udc80"
CHARACTERS = "".join(map(chr, range(128))) + FOREIGN


def squeezed(value: str) -> str:
    """Without the four white-space characters that mail may add or take away."""
    return value.translate(dict.fromkeys(map(ord, WHITE)))


def opens(value: str) -> bool:
    """Whether the seal holds."""
    return not isinstance(unseal([value], [SEAL_KEY]), SealProblem)


def edits(text: str) -> Iterator[str]:
    """Every text that is one substitution, insertion, deletion or swap of neighbours away."""
    for at in range(len(text) + 1):
        head, tail = text[:at], text[at:]
        yield from (head + character + tail for character in CHARACTERS)
        if tail:
            yield head + tail[1:]
            yield from (head + character + tail[1:] for character in CHARACTERS)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]


def test_no_single_edit_opens_but_of_white_space_and_one_semicolon_behind() -> None:
    """All of them, not a sample."""
    good = {squeezed(VALUE), squeezed(VALUE) + ";"}
    wrong = [edit for edit in edits(VALUE) if opens(edit) is not (squeezed(edit) in good)]
    assert opens(VALUE)
    assert wrong == []


@pytest.mark.parametrize("extra", [";;", "; ;", ";x", ";x=1", ";seal=" + "a" * 26])
def test_nothing_but_one_semicolon_may_follow_the_seal(extra: str) -> None:
    """Not two, not another tag, not another seal."""
    assert not opens(VALUE + extra)


def test_sealed_tags_come_back() -> None:
    """All of them, in order, and the seal."""
    found = unseal([VALUE], [SEAL_KEY])
    assert isinstance(found, dict)
    assert list(found.items())[:-1] == TAGS
    assert len(found["seal"]) == 26


def test_any_of_the_keys_may_have_sealed() -> None:
    """A change of seal keys: the first seals, all open."""
    assert not isinstance(unseal([VALUE], [b"new" * 11, SEAL_KEY]), SealProblem)
    assert unseal([VALUE], [b"new" * 11]) is SealProblem.BROKEN
    assert unseal([VALUE], []) is SealProblem.BROKEN


def test_missing_and_doubled_verdicts_are_distinguished() -> None:
    """Two genuine ones are as bad as none: which one would the hook read?"""
    assert unseal([], [SEAL_KEY]) is SealProblem.MISSING
    assert unseal([VALUE, VALUE], [SEAL_KEY]) is SealProblem.DOUBLED


def test_tag_without_a_value_is_left_out() -> None:
    """An empty value would look like a missing one."""
    assert "locator" not in seal([("v", "1"), ("locator", "")], SEAL_KEY)


@pytest.mark.parametrize("value", ["a b", "a;b", "a=b", "a;result=pass", "é", "\n", "a\r\n\tb", "%", "\u212a", '"'])
def test_nothing_unchecked_gets_into_the_header(value: str) -> None:
    """A value outside the set is an error of ours, before it is a header of ours."""
    with pytest.raises(ValueError, match="the verdict tag queue"):
        seal([("v", "1"), ("queue", value)], SEAL_KEY)


@pytest.mark.parametrize(
    "tags",
    [
        [("v", "2"), ("result", "pass")],
        [("result", "pass")],
        [("v", "1"), ("user", "1"), ("user", "2")],
        [("v", "1"), ("seal", "x"), ("user", "1")],
    ],
)
def test_well_sealed_nonsense_does_not_open(tags: list[tuple[str, str]]) -> None:
    """Another version, a doubled tag, a seal that is not last."""
    assert unseal([seal(tags, SEAL_KEY)], [SEAL_KEY]) is SealProblem.BROKEN


VALUES = st.text(st.sampled_from("abcXYZ0189._~/@+:-"), min_size=1, max_size=300)
LISTS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), VALUES, max_size=12)


@given(LISTS)
def test_any_tags_are_folded_and_open_again(tags: dict[str, str]) -> None:
    """No line reaches column 78, a tab counted as eight."""
    given_tags = {"v": "1"} | {name: value for name, value in tags.items() if name not in ("v", "seal")}
    value = seal(given_tags.items(), SEAL_KEY)
    found = unseal([value], [SEAL_KEY])
    assert isinstance(found, dict)
    assert {name: text for name, text in found.items() if name != "seal"} == given_tags
    lines = f"X-Reply-Verdict: {value}".split("\n")
    assert all(line.startswith("\t") and line.strip() for line in lines[1:])
    assert all(len(line.expandtabs(8)) < 78 for line in lines)


@given(st.text(max_size=200) | st.text(st.sampled_from("v=1;seal ab\t\r\n"), max_size=80))
def test_any_text_is_opened_or_broken(value: str) -> None:
    """No text makes it fail, and none is sealed by chance."""
    assert unseal([value], [SEAL_KEY]) is SealProblem.BROKEN


@pytest.mark.parametrize("piece", [";", "=", "v=1;", " ", "\t\n", "a", "a=", ";seal=", "é"])
def test_hostile_verdict_costs_little(piece: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        unseal([hostile(piece)], [SEAL_KEY])
        unseal([VALUE + hostile(piece)], [SEAL_KEY])
