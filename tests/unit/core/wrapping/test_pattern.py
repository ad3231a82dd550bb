"""Patterns of addresses: what they match, what they refuse to be, and that expression and automaton say the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.wrapping.automaton import Chain, common_text, literal
from reply_milter.core.wrapping.pattern import Matched, Pattern, PatternError, glob, parse

_KEYS = ("[ab]{8}", "[ab]{8,10}", "[ab]{2,4}-[ab]{6} [a]{8}", "[a-]{8}", "aaaa[b]{4,6}", "[A-B]{8,9}", "aaaa[+b]{4}")
_LOCALS = ("{key}", "a+{key}", "{any}-a+{key}", "{key}+a", "a{key}", "{key}+{any}", "a{any}b", "ab", "b-{any}a+{key}-b")


def _read(local: str, key: str, case_matters: bool) -> Pattern | None:
    try:
        return parse(f"{local}@x.test", key, case_matters)
    except PatternError:
        return None


ADDRESSES = st.sampled_from(
    [found for local in _LOCALS for key in _KEYS for case in (True, False) if (found := _read(local, key, case))]
)
GLOBS = st.lists(st.sampled_from(["*", "a", "b", "-", "+", "ab"]), min_size=1, max_size=7).map("".join)
PATTERNS: st.SearchStrategy[Pattern] = ADDRESSES | GLOBS.filter(lambda text: "**" not in text).map(
    lambda text: glob(f"{text}@x.test")
)


@st.composite
def matching(draw: st.DrawFn, pattern: Pattern) -> str:
    """A local part that a pattern matches, by its automaton alone."""
    text = ""
    for chars, least, most in draw(st.sampled_from(pattern.chains)):
        likely = sorted(chars & set("ab-+AB")) or sorted(chars)
        text += draw(st.text(st.sampled_from(likely), min_size=least, max_size=least + 4 if most is None else most))
    return text


def _accepts(chains: tuple[Chain, ...], text: str) -> bool:
    return any(common_text(chain, literal(text), 320) is not None for chain in chains)


@given(st.data())
def test_what_the_automaton_reads_the_expression_matches(data: st.DataObject) -> None:
    """As a whole, and the key is one: in any spelling of runs that an address may have."""
    pattern = data.draw(PATTERNS)
    text = data.draw(matching(pattern))
    found = pattern.match(f"{text}@X.test")
    assert found is not None
    assert pattern.is_native(text, "x.test") == (pattern.native.pattern != "(?!)")
    assert pattern.key_form.fullmatch(found.key) == pattern.has_key
    assert pattern.key_form.finds_in(f"<{text}@x.test>") == pattern.has_key


@given(st.data())
def test_expression_and_automaton_agree(data: st.DataObject) -> None:
    """About a text that is nearly one, too."""
    pattern = data.draw(PATTERNS)
    text = data.draw(matching(pattern))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    text = text[:start] + data.draw(st.text("ab-+", max_size=4)) + text[end:]
    matched, accepted = pattern.match(f"{text}@x.test") is not None, _accepts(pattern.chains, text)
    case_matters = not pattern.local.flags & re.IGNORECASE
    assert matched == accepted or (case_matters and accepted)


GITEA = parse("incoming+{key}@git.example.com", "[A-Z2-7]{60,128}")
MAILMAN = parse("{any}-confirm+{key}@lists.example.com", "[0-9a-f]{40}")
MOODLE = parse("incoming+{key}@moodle.example.com", "[A-Za-z0-9+/]{48}", case_matters=True)
_SUB = "AAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABMO3tRViSNYBn7QjP"


@pytest.mark.parametrize(
    "pattern,address,key",
    [
        (GITEA, f"incoming+{'A' * 60}@git.example.com", "A" * 60),
        (GITEA, f"Incoming+{'a' * 128}@GIT.EXAMPLE.COM.", "a" * 128),
        (GITEA, f"incoming+{'A' * 59}@git.example.com", None),
        (GITEA, f"incoming+{'A' * 129}@git.example.com", None),
        (GITEA, f"incoming+{'1' * 60}@git.example.com", None),
        (GITEA, f"incoming+{'A' * 60}@git.example.net", None),
        (GITEA, f"incoming+{'A' * 60}", None),
        (GITEA, f"incoming+{'A' * 60}\n@git.example.com", None),
        (GITEA, f"x@incoming+{'A' * 60}@git.example.com", None),
        (GITEA, f"\u0131ncoming+{'A' * 60}@git.example.com", None),
        (MAILMAN, f"dev-confirm+{'a' * 40}@lists.example.com", "a" * 40),
        (MAILMAN, f"a-confirm+b-confirm+{'a' * 40}@lists.example.com", "a" * 40),
        (MAILMAN, f"-confirm+{'a' * 40}@lists.example.com", None),
        (MOODLE, f"incoming+{_SUB}@moodle.example.com", _SUB),
        (MOODLE, f"Incoming+{_SUB}@moodle.example.com", None),
        (MOODLE, f"incoming+{'+' * 48}@moodle.example.com", "+" * 48),
        (glob("incoming+*-*-issue@x.test"), "incoming+group-12-issue@x.test", ""),
        (glob("incoming+*-*-issue@x.test"), "incoming+a-issue-b-issue@x.test", ""),
        (glob("incoming+*-*-issue@x.test"), "incoming+-issue@x.test", None),
        (glob("incoming+*-*-issue@x.test"), "incoming+a b-c-issue@x.test", None),
        (glob("*@x.test"), f"{'a' * 400}@x.test", None),
    ],
)
def test_an_address_is_matched_as_a_whole(pattern: Pattern, address: str, key: str | None) -> None:
    """Local part with its case where that matters, domain without."""
    assert pattern.match(address) == (None if key is None else Matched(key))


@pytest.mark.parametrize(
    "pattern,text,found",
    [
        (GITEA, f"<reply-{'A' * 77}@git.example.com>", True),
        (GITEA, f"<reply-{'a' * 77}@git.example.com>", True),
        (GITEA, "<owner/repo/issues/7@git.example.com>", False),
        (MOODLE, _SUB[:-1], False),
        (glob("*@x.test"), "anything", False),
        (parse("redmine@x.test", ""), "redmine", False),
    ],
)
def test_a_key_is_found_anywhere(pattern: Pattern, text: str, found: bool) -> None:
    """By its form alone; where there is none, nothing has it."""
    assert pattern.key_form.finds_in(text) is found
    assert not pattern.key_form.fullmatch(text)


@pytest.mark.parametrize(
    "key", ["a" * 8, "[a-z]{8}", "[a]{4}[b]{4}", "[-a]{8}", "[a-]{8}", "[+/]{8,256}", "[A-Za-z0-9]{9}"]
)
def test_a_key_is_made_of_few_things(key: str) -> None:
    """Literals, classes and counts."""
    assert parse("x+{key}@x.test", key).has_key


@pytest.mark.parametrize(
    "key",
    [
        "", " ", "[a-z]", "[a-z]{7}", "[a-z]{8,257}", "[a-z]{0,8}", "[a-z]{9,8}", "[a-z]{8", "[a-z]{8,}", "[a-z]{,8}",
        "[a-z]*", "[a-z]+", "(a){8}", "a|b", "^a{8}", "a{8}$", ".{8}", r"\d{8}", r"[\d]{8}", "[^a]{8}", "[]{8}",
        "[z-a]{8}",
        "[a-Z]{8}", "[A-z]{8}", "[a-z-9]{8}", "[[a]]{8}", "[a@]{8}", "[a b]{8}", "a{8}{2}", "[a-z]{8,9}?", "\u00e9" * 8,
        "[\u00e0-\u00e9]{8}", "[a-z]{8}\n!", "[a-z]{4,9}[z]{4}", "[a-z]{4,9}Z{4}", "[a-z]{99999}", "[a]{8} " * 9,
    ],
)  # fmt: skip
def test_all_else_is_no_key(key: str) -> None:
    """And the words are about the key."""
    with pytest.raises(PatternError) as error:
        parse("x+{key}@x.test", key)
    assert error.value.in_key


@pytest.mark.parametrize(
    "address",
    [
        "", "@x.test", "a", "a@", "a@b@x.test", "a@{any}.test", "a@[127.0.0.1]", "a@x y", "*@x.test", "a*b@x.test",
        "a+%{token}@x.test", "a!{key}@x.test", '"a"@x.test', "a b@x.test", "<a@x.test>", "{key}{key}@x.test",
        "{any}{any}@x.test",
        "{any}@{key}", "{any}{key}@x.test", "{key}{any}@x.test", "{any}a{key}@x.test", "{foo}@x.test", "{KEY}@x.test",
        "{@x.test", "}@x.test", ".a@x.test", "a.@x.test", "a..b@x.test", "\u00e9@x.test", "{key}a@x.test", "a\n@x.test",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    """Also one in which it is not plain where the key begins or ends."""
    with pytest.raises(PatternError) as error:
        parse(address, "[a-z]{8,9}")
    assert not error.value.in_key


@pytest.mark.parametrize("text", ["*", "**@x.test", "a**@x.test", "{key}@x.test", "a?@x.test", "@x.test", "*@*.test"])
def test_what_is_no_glob_is_refused(text: str) -> None:
    """A star is all that there is."""
    with pytest.raises(PatternError):
        glob(text)


def test_an_unicode_domain_is_its_a_label() -> None:
    """In the pattern and in the address."""
    pattern = parse("a+{key}@b\u00fccher.test", "[a-z]{8}")
    assert (pattern.domain, pattern.match("a+abcdefgh@B\u00dcCHER.test")) == ("xn--bcher-kva.test", Matched("abcdefgh"))
