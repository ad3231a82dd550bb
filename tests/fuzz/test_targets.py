"""Each fuzz target on its corpus, and on inputs that Hypothesis makes of its words and of the corpus.

Runs the same inputs each time. ``make fuzz`` looks for new ones, guided by coverage, for as long as it is given.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.target import NAMES, Target, load
from tests.support.processes.clocked import in_time

EXAMPLES = 150
SECONDS = 2.0  # of processor time; each input is small
SMALL = 4096  # octets; a corpus is for reading, too

TARGETS = [load(name) for name in NAMES]
_REPLAYS = [
    pytest.param(target, octets, id=f"{target.name}-{name}")
    for target in TARGETS
    for name, octets in target.seeds().items()
]


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_the_invariant_is_one_sentence(target: Target) -> None:
    """The first line of the target's file says what holds."""
    assert 40 < len(target.invariant) < 120 and target.invariant.endswith(".")


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_the_corpus_is_there_and_small(target: Target) -> None:
    """Good inputs, bad inputs, and past crashes."""
    seeds = target.seeds()
    assert len(seeds) >= 4
    assert [name for name, octets in seeds.items() if len(octets) > SMALL] == []


@pytest.mark.parametrize("target,octets", _REPLAYS)
def test_corpus(target: Target, octets: bytes) -> None:
    """What was found once is never found again."""
    with in_time(SECONDS):
        target.run(octets)


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
def test_invariant_holds(target: Target) -> None:
    """On words in any order, on octets, and on the corpus with changes here and there."""

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(_inputs(target))
    def holds(octets: bytes) -> None:
        with in_time(SECONDS):
            target.run(octets)

    holds()


def _inputs(target: Target) -> st.SearchStrategy[bytes]:
    seeds = list(target.seeds().values())
    piece = st.one_of(st.sampled_from([*target.words, *seeds]), st.binary(max_size=8))
    change = st.tuples(st.integers(0, SMALL), st.integers(0, 40), piece)
    return st.one_of(
        st.lists(piece, max_size=30).map(b"".join),
        st.builds(_changed, st.sampled_from(seeds), st.lists(change, min_size=1, max_size=6)),
    )


def _changed(octets: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """``octets`` with pieces put in place of others: at an offset, so many octets long."""
    for at, length, piece in changes:
        start = at % (len(octets) + 1)
        octets = octets[:start] + piece + octets[start + length :]
    return octets


def test_a_broken_invariant_is_noticed() -> None:
    """The driver, on a target that fails for what a change of its seed makes."""

    def run(octets: bytes) -> None:
        assert b"ab" not in octets

    class _Broken(Target):
        def seeds(self) -> dict[str, bytes]:
            return {"seed": b"xaxb"}

    with pytest.raises(AssertionError):
        test_invariant_holds(_Broken("broken", "", (b"a", b"b"), run))
