"""Verdicts performed where the MTA, or pymilter, can't do what is asked."""

import logging

import Milter
import pytest

from reply_milter.adapters.libmilter.answers import answer
from reply_milter.core.mail.headers import Insert, RemoveRecipient
from reply_milter.core.verdict.verdict import Accept


class _Context:
    """pymilter's: it takes no text that is no UTF-8."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def delrcpt(self, argument: str) -> None:
        self.done.append(("delrcpt", argument.encode().decode()))

    def addheader(self, name: str, value: str, _index: int) -> None:
        self.done.append(("addheader", name, value))


def test_a_recipient_that_is_no_utf_8_costs_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It can't be taken off. The other edits are made, and the message goes on: nothing of it vouches for a reply."""
    context = _Context()
    edits = (RemoveRecipient("reply+\udcff@reply.test"), RemoveRecipient("reply+x@reply.test"), Insert("X", "y"))
    with caplog.at_level(logging.WARNING):
        assert answer(context, Accept(edits=edits)) == Milter.CONTINUE
    assert context.done == [("delrcpt", "reply+x@reply.test"), ("addheader", "X", "y")]
    assert "not UTF-8" in caplog.text and "reply+" not in caplog.text
