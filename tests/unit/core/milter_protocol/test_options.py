"""What MTAs offer, and what is taken of it."""

import struct

import Milter
import pytest

from reply_milter.core.milter_protocol.options import TO_SIGN, TO_VERIFY, Action, Offer, Step, accepted, offer


def test_the_numbers_are_libmilters() -> None:
    """By name in libmilter's Python binding."""
    names = {
        "NO_HELO": "P_NOHELO", "NO_BODY": "P_NOBODY", "NO_END_OF_HEADER": "P_NOEOH", "SILENT_HEADER": "P_NR_HDR",
        "NO_UNKNOWN": "P_NOUNKNOWN", "NO_DATA": "P_NODATA", "SKIP": "P_SKIP", "SILENT_CONNECT": "P_NR_CONN",
        "SILENT_MAIL": "P_NR_MAIL", "SILENT_END_OF_HEADER": "P_NR_EOH", "SILENT_BODY": "P_NR_BODY",
    }  # fmt: skip
    assert {name: getattr(Step, name) for name in names} == {name: getattr(Milter, its) for name, its in names.items()}
    actions = {"ADD_HEADERS": "ADDHDRS", "DELETE_RECIPIENTS": "DELRCPT", "CHANGE_HEADERS": "CHGHDRS",
               "QUARANTINE": "QUARANTINE"}  # fmt: skip
    for name, its in actions.items():
        assert getattr(Action, name) == getattr(Milter, its)
    assert TO_SIGN.actions | Action.DELETE_RECIPIENTS | Action.QUARANTINE == TO_VERIFY.actions


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", None), (b"\0" * 11, None), (struct.pack("!III", 1, 0x3F, 0), None),
        (struct.pack("!III", 0xFFFFFFFF, 0x3F, 0), None), (struct.pack("!III", 2, 0, 0), Offer(2, 0xF, 0x3F)),
        (struct.pack("!III", 6, 0x1FF, 0x7F) + b"tail", Offer(6, 0x1FF, 0x7F)),
        (struct.pack("!III", 7, 0x1FF, 0x7F), Offer(6, 0x1FF, 0x7F)),
    ],
)  # fmt: skip
def test_offers(data: bytes, expected: Offer | None) -> None:
    """Too short, too old, of the first version, of a future one."""
    assert offer(data) == expected


def test_an_answer_names_what_is_taken() -> None:
    """Version, actions and steps."""
    assert accepted(Offer(6, 0x1FF, 0x7F), 0x39, 0x42) == struct.pack("!III", 6, 0x39, 0x42)
    assert not Offer(6, Action.ADD_HEADERS, 0).edits_headers
