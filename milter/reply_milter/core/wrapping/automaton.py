"""Automata of address patterns: whether one text can match two of them, and which.

A pattern is a chain of runs, so its automaton is a line: a state is a run and how much of it was read. Two patterns
have a text in common if the product of both automata reaches the end of both. Letters are compared without case, since
an MTA may fold an address before it looks up a mailbox.
"""

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_State = tuple[int, int]  # the number of the run, and the characters of it that were read
_Pair = tuple[_State, _State]
_START: _Pair = ((0, 0), (0, 0))


class Run(NamedTuple):
    """``least`` to ``most`` characters of one class; ``most`` None: any number."""

    chars: frozenset[str]
    least: int = 1
    most: int | None = 1


Chain = tuple[Run, ...]


def literal(text: str) -> Chain:
    """The chain that matches ``text`` alone."""
    return tuple(Run(frozenset(char)) for char in text)


def common_text(one: Chain, other: Chain, longest: int) -> str | None:
    """The shortest text of at most ``longest`` characters that both chains match, case aside; None if there is none."""
    came_from: dict[_Pair, tuple[_Pair, str]] = {}
    seen, waiting = {_START}, deque([(_START, 0)])
    while waiting:
        pair, length = waiting.popleft()
        if _ends(one, pair[0]) and _ends(other, pair[1]):
            return _spelled(came_from, pair)
        for char, reached in _steps(one, other, pair) if length < longest else ():
            if reached not in seen:
                seen.add(reached)
                came_from[reached] = pair, char
                waiting.append((reached, length + 1))
    return None


def _spelled(came_from: dict[_Pair, tuple[_Pair, str]], pair: _Pair) -> str:
    text = ""
    while pair != _START:
        pair, char = came_from[pair]
        text = char + text
    return text


def _steps(one: Chain, other: Chain, pair: _Pair) -> Iterator[tuple[str, _Pair]]:
    """Each way in which both read one more character."""
    for chars, state in _moves(one, pair[0]):
        for others, other_state in _moves(other, pair[1]):
            char = shared(chars, others)
            if char:
                yield char, (state, other_state)


def _moves(chain: Chain, state: _State) -> Iterator[tuple[frozenset[str], _State]]:
    """What can be read in ``state``, and the state behind it. A run that has enough may be left."""
    number, count = state
    while number < len(chain):
        chars, least, most = chain[number]
        if most is None or count < most:
            yield chars, (number, count + 1 if most is not None or count < least else count)
        if count < least:
            return
        number, count = number + 1, 0


def _ends(chain: Chain, state: _State) -> bool:
    """Whether nothing more must be read."""
    number, count = state
    if number < len(chain) and count < chain[number].least:
        return False
    return not any(run.least for run in chain[number + 1 :])


@cache
def shared(chars: frozenset[str], others: frozenset[str]) -> str:
    """The plainest character that two classes have in common, case aside; empty if they have none."""
    common = chars & others or _in_lower_case(chars) & _in_lower_case(others)
    return min(common, key=lambda char: (not char.isalnum(), char), default="")


def _in_lower_case(chars: frozenset[str]) -> frozenset[str]:
    return frozenset("".join(chars).lower())
