"""Patterns of addresses over few characters, so that many of them overlap, and local parts that they match."""

from hypothesis import strategies as st

from reply_milter.core.wrapping.pattern import Pattern, PatternError, glob, parse

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
