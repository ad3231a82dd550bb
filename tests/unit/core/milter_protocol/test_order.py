"""The order of commands. tests/wire/test_engines.py compares it with libmilter."""

import pytest

from reply_milter.core.milter_protocol.options import TO_VERIFY, Step
from reply_milter.core.milter_protocol.order import ENDS_MESSAGE, LETTERS, PASSED_OVER, Place, moves

PLAIN = moves(TO_VERIFY.choose(0x1FFFFF, over_tcp=False, early=False))
EARLY = moves(TO_VERIFY.choose(0x1FFFFF, over_tcp=False, early=True))


def _walk(table: dict[int, int], letters: str) -> list[int]:
    place, found = int(Place.START), []
    for letter in letters:
        move = table[place << 8 | ord(letter)]
        found.append(move)
        place = int(Place.HELO) if move == PASSED_OVER else move & ~ENDS_MESSAGE
    return found


@pytest.mark.parametrize(
    "table, letters",
    [
        (PLAIN, "OCMRLLLBBEMRRLEMRE"), (PLAIN, "OCMREMAMRBE"), (PLAIN, "OCHMRLBEQ"), (PLAIN, "OCMREKCMRE"),
        (EARLY, "OCMRTLLNBBEMRTNE"), (EARLY, "OCMRAMRTLNE"), (PLAIN, "OMRE"), (PLAIN, "MRE"),
    ],
)  # fmt: skip
def test_what_mtas_send_is_taken_as_it_comes(table: dict[int, int], letters: str) -> None:
    """Nothing is passed over."""
    expected = [int(LETTERS[ord(letter)]) for letter in letters]
    assert [move & ~ENDS_MESSAGE for move in _walk(table, letters)] == expected


@pytest.mark.parametrize(
    "letters, last",
    [
        ("OCMRLC", PASSED_OVER), ("OCMRBL", PASSED_OVER), ("OO", PASSED_OVER), ("OCE", PASSED_OVER),
        ("OCMM", Place.MAIL | ENDS_MESSAGE), ("OCMRLM", Place.MAIL | ENDS_MESSAGE),
        ("OCMRLK", Place.QUIT_NC | ENDS_MESSAGE),
        ("OCMRLQ", Place.QUIT | ENDS_MESSAGE), ("OCMREE", PASSED_OVER), ("OCC", PASSED_OVER), ("OCR", PASSED_OVER),
    ],
)  # fmt: skip
def test_what_is_out_of_order(letters: str, last: int) -> None:
    """It begins the next message, or is passed over; the message on its way ends."""
    assert _walk(PLAIN, letters)[-1] == last


def test_data_needs_the_end_of_the_header() -> None:
    """As in libmilter: no body may follow DATA."""
    assert _walk(EARLY, "OCMRTB")[-1] == PASSED_OVER


def test_the_client_of_a_connection_never_changes_in_between() -> None:
    """Only a negotiation or QUIT_NC is followed by a client."""
    before = {key >> 8 for key, move in PLAIN.items() if move & ~ENDS_MESSAGE == Place.CONNECT and move >= 0}
    assert before == {Place.NEGOTIATED, Place.QUIT_NC}


def test_an_unknown_letter_is_no_command() -> None:
    """It is in no table; whoever sends it is hung up on."""
    assert {key & 0xFF for key in PLAIN} == set(LETTERS)
    assert moves(Step.NO_HELO) is moves(Step.NO_HELO | Step.SKIP)
