"""What log and metrics are told of an application's own addresses: the class, and once, what became of each."""

from dataclasses import replace

import pytest

from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.ports import Sight
from tests.support.fakes import NOW, MemoryMark, minted, rules
from tests.support.hosts.dialogue import Desk, reply_fields
from tests.support.wrapping import NATIVE, gitea, wrapped

ONE = wrapped()
OPEN, BOUNCE = "incoming+org-repo-issue@git.example.com", "incoming+verp-0a1b@git.example.com"
PASSING = gitea(native_passes_until=NOW + 86400)
OBSERVED = gitea(Policy(observe=True))
MAIL = reply_fields(ONE.token)
ANSWER = [*MAIL, ("References", f" <{ONE.capsule}>")]
DAMAGED = [*MAIL, ("X", " \x02")]


def told(
    *recipients: str,
    handler: Handler | None = None,
    fields: list[tuple[str, str]] = MAIL,
    sender: str = "<jane@example.org>",
    over_smtp: bool = True,
) -> list[tuple[str, Sight]]:
    """What is told of one message: class and sight, of RCPT and of its end."""
    desk = Desk(rules(handlers=Handlers.of([*rules().handlers.by_id.values(), handler or gitea()])))
    desk.service = replace(desk.service, mark=MemoryMark({20}))
    desk.start(*recipients, sender=sender, over_smtp=over_smtp)
    desk.finish(fields)
    decisions = [*desk.telemetry.recipients, *desk.telemetry.messages]
    assert all(one.handler == "gitea" for one in decisions if one.sight)
    return [(one.road, one.sight) for one in decisions if one.sight is not None]


@pytest.mark.parametrize(
    "recipient,handler,seen",
    [
        (NATIVE, gitea(), ("native", Sight.REFUSED)),
        (NATIVE, PASSING, ("native", Sight.PASSED)),
        (OPEN, gitea(), ("open", Sight.PASSED)),
        ("incoming@git.example.com", PASSING, ("native", Sight.UNFIT)),
        ("incoming+guess@git.example.com", gitea(), ("native", Sight.UNFIT)),
        (f'"{NATIVE.partition("@")[0]}"@git.example.com', gitea(), ("native", Sight.UNFIT)),
        (BOUNCE, gitea(), ("native", Sight.UNFIT)),
    ],
)
def test_each_is_told_once(recipient: str, handler: Handler, seen: tuple[str, Sight]) -> None:
    """At RCPT if it is refused there, else at the end."""
    assert told(recipient, handler=handler) == [seen]


def test_a_report_passes() -> None:
    """With a null sender."""
    assert told(BOUNCE, sender="<>") == [("bounce", Sight.PASSED)]


def test_a_message_that_is_malformed_is_no_answer_to_a_native_address() -> None:
    """It is refused for itself."""
    assert told(NATIVE, handler=PASSING, fields=DAMAGED) == [("native", Sight.UNFIT)]
    assert told(OPEN, fields=DAMAGED) == [("open", Sight.UNFIT)]


def test_a_reply_to_all() -> None:
    """The native address beside ours is told as such; ours is none of these."""
    assert told(ONE.address, NATIVE, fields=ANSWER) == [("native", Sight.BESIDE)]
    assert told(ONE.address, fields=ANSWER) == []
    assert told(minted().address) == []


@pytest.mark.parametrize("recipients", [(NATIVE,), ("bob@example.org", NATIVE)])
def test_a_local_submission_is_told_at_its_end(recipients: tuple[str, ...]) -> None:
    """Once, though RCPT is reported, too."""
    assert told(*recipients, over_smtp=False) == [("native", Sight.REFUSED)]


def test_observe_mode_tells_what_enforce_mode_does_and_what_it_did() -> None:
    """The address would be refused; it passed."""
    assert told(NATIVE, handler=OBSERVED) == [("native", Sight.WOULD_REFUSE), ("native", Sight.PASSED)]
    assert told(OPEN, handler=OBSERVED, fields=DAMAGED) == [("open", Sight.WOULD_REFUSE)]
