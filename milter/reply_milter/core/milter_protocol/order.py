"""In which order the MTA may send commands, and what becomes of one that is out of order, as in libmilter.

A command that is not allowed where the message is ends that message, and is tried once more as the first of the next
one. If it cannot begin one either, it is passed over without an answer.
"""

from enum import IntEnum
from functools import cache
from typing import Final

from reply_milter.core.milter_protocol.options import Step


class Place(IntEnum):
    """Where a connection is: the last command that was taken. In the order in which MTAs send them."""

    START = 0
    NEGOTIATED = 1
    CONNECT = 2
    HELO = 3
    MAIL = 4
    RCPT = 5
    DATA = 6
    HEADER = 7
    END_OF_HEADER = 8
    BODY = 9
    END_OF_MESSAGE = 10
    QUIT = 11
    ABORT = 12
    UNKNOWN = 13
    QUIT_NC = 14


_P: Final = Place
LETTERS: Final = {
    ord("O"): _P.NEGOTIATED,
    ord("C"): _P.CONNECT,
    ord("H"): _P.HELO,
    ord("M"): _P.MAIL,
    ord("R"): _P.RCPT,
    ord("T"): _P.DATA,
    ord("L"): _P.HEADER,
    ord("N"): _P.END_OF_HEADER,
    ord("B"): _P.BODY,
    ord("E"): _P.END_OF_MESSAGE,
    ord("Q"): _P.QUIT,
    ord("A"): _P.ABORT,
    ord("U"): _P.UNKNOWN,
    ord("K"): _P.QUIT_NC,
}
_NEXT: Final[dict[Place, frozenset[Place]]] = {
    _P.START: frozenset({_P.NEGOTIATED}),
    _P.NEGOTIATED: frozenset({_P.CONNECT, _P.UNKNOWN}),
    _P.CONNECT: frozenset({_P.HELO, _P.MAIL, _P.UNKNOWN}),
    _P.HELO: frozenset({_P.HELO, _P.MAIL, _P.UNKNOWN}),
    _P.MAIL: frozenset({_P.RCPT, _P.ABORT, _P.UNKNOWN}),
    _P.RCPT: frozenset(
        {_P.HEADER, _P.END_OF_HEADER, _P.DATA, _P.BODY, _P.END_OF_MESSAGE, _P.RCPT, _P.ABORT, _P.UNKNOWN}
    ),
    _P.DATA: frozenset({_P.END_OF_HEADER, _P.HEADER, _P.ABORT}),
    _P.HEADER: frozenset({_P.END_OF_HEADER, _P.HEADER, _P.BODY, _P.END_OF_MESSAGE, _P.ABORT}),
    _P.END_OF_HEADER: frozenset({_P.BODY, _P.END_OF_MESSAGE, _P.ABORT}),
    _P.BODY: frozenset({_P.BODY, _P.END_OF_MESSAGE, _P.ABORT}),
    _P.END_OF_MESSAGE: frozenset({_P.MAIL, _P.UNKNOWN}),
    _P.QUIT: frozenset(),
    _P.ABORT: frozenset(),
    _P.UNKNOWN: frozenset({_P.HELO, _P.MAIL, _P.RCPT, _P.ABORT, _P.UNKNOWN, _P.DATA, _P.BODY}),
    _P.QUIT_NC: frozenset({_P.CONNECT, _P.UNKNOWN}),
}
_DECLINED: Final = (
    (Step.NO_HELO, _P.HELO),
    (Step.NO_DATA, _P.DATA),
    (Step.NO_END_OF_HEADER, _P.END_OF_HEADER),
    (Step.NO_BODY, _P.BODY),
    (Step.NO_UNKNOWN, _P.UNKNOWN),
)
_MAY_DECLINE: Final = sum(step for step, _ in _DECLINED)
_ENDS: Final = (_P.QUIT, _P.QUIT_NC)  # at any place: nothing of the client is left behind

PASSED_OVER: Final = -1
ENDS_MESSAGE: Final = 64  # added to a place: the message that is on its way ends first
UNNEGOTIATED: Final = Step.NO_HELO | Step.NO_UNKNOWN

Moves = dict[int, int]


def moves(steps: int) -> Moves:
    """Return where each command leads from each place, by ``place << 8 | letter``; ``steps`` were negotiated.

    The value is a place, with ``ENDS_MESSAGE`` added, or ``PASSED_OVER``. A letter that is missing is no command.
    """
    return _moves(steps & _MAY_DECLINE)


@cache
def _moves(steps: int) -> Moves:
    declined = frozenset(place for step, place in _DECLINED if steps & step)
    return {
        int(place) << 8 | letter: _move(place, target, declined)
        for place in Place
        for letter, target in LETTERS.items()
    }


def _move(place: Place, target: Place, declined: frozenset[Place]) -> int:
    if _leads(place, target, declined):
        return int(target)
    ends = ENDS_MESSAGE if _P.MAIL <= place <= _P.BODY else 0
    if target in _ENDS or _leads(_P.HELO, target, declined):
        return int(target) | ends
    return PASSED_OVER


def _leads(place: Place, target: Place, declined: frozenset[Place]) -> bool:
    """Whether ``target`` may follow, also where all steps between were declined."""
    while target not in _NEXT[place]:
        following = place + 1
        if following not in declined:
            return False
        place = Place(following)
    return True
