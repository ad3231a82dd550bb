"""Whatever the flows' tests do: each decision that is reported was foreseen, so that its series exists before it."""

from collections.abc import Iterator

import pytest

from reply_milter.flows.service import Rules
from reply_milter.flows.verifying.possible_decisions import possible_decisions
from tests.support.hosts.dialogue import Desk


@pytest.fixture(autouse=True)
def every_decision_was_foreseen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looked at after each test, at every desk that it used."""
    desks: list[tuple[Desk, Rules]] = []
    start = Desk.__post_init__

    def remembered(desk: Desk) -> None:
        start(desk)
        desks.append((desk, desk.service.rules))

    monkeypatch.setattr(Desk, "__post_init__", remembered)
    yield
    for desk, first in desks:
        known = {
            (one.stage, str(one.verdict), one.would, one.reason, one.handler if one.stage == "eom" else "")
            for given in (first, desk.service.rules)  # a reload changes nothing within a message
            for one in possible_decisions(given)
        }
        for told in (*desk.telemetry.recipients, *desk.telemetry.messages):
            handler = told.handler if told.stage == "eom" else ""
            assert (told.stage, str(told.verdict), told.would, told.reason, handler) in known, told
