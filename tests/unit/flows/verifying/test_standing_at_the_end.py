"""What is revoked while a client holds a transaction open reaches it at its end, without a question more."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.reasons import INVALID, Reason
from reply_milter.core.verdict.verdict import Accept, Park, Reject
from reply_milter.ports import Claim, StoreUnavailableError
from tests.support.fakes import AUTHOR, FORUM, ISSUE, KEYRING, NOW, FixedClock, MemoryStore, changed, minted, rules
from tests.support.hosts.dialogue import Desk, reply_fields

ANSWERED = minted()
NUMBERED = minted(FORUM)
OTHER = MasterKey("k2", KeyState.ACTIVE, bytes(range(5, 37)))
Change = Callable[[Desk], None]


def _revoke_token(desk: Desk) -> None:
    known = Desk()
    known.send(NUMBERED)
    desk.store.revoked_tokens.add(known.settled[0][:13])


def _reload(desk: Desk, **changes: object) -> None:
    desk.service = replace(desk.service, rules=changed(desk.service.rules, **changes))


def _expire(desk: Desk) -> None:
    cast(FixedClock, desk.service.clock).time += 29 * 86400


CHANGES: dict[str, tuple[Change, Reason]] = {
    "user revoked": (lambda desk: desk.store.users_revoked_before.update({42: NOW}), Reason.REVOKED),
    "object revoked": (lambda desk: desk.store.objects_revoked_before.update({(2, 7): NOW}), Reason.REVOKED),
    "token revoked": (_revoke_token, Reason.REVOKED),
    "before a time": (lambda desk: setattr(desk.store, "all_revoked_before", NOW), Reason.REVOKED),
    "user disabled": (lambda desk: desk.store.disabled_users.add(42), Reason.FORGED),
    "key retired": (
        lambda desk: _reload(
            desk, keyring=Keyring(KEYRING.realm, (replace(KEYRING.keys[0], state=KeyState.RETIRED), OTHER))
        ),
        Reason.FORGED,
    ),
    "handler disabled": (
        lambda desk: _reload(desk, handlers=Handlers.of([ISSUE, replace(FORUM, enabled=False)])),
        Reason.FORGED,
    ),
    "handler removed": (lambda desk: _reload(desk, handlers=Handlers.of([ISSUE])), Reason.FORGED),
    "validity shortened": (
        lambda desk: _reload(desk, handlers=Handlers.of([ISSUE, replace(FORUM, validity_days=1)])),
        Reason.EXPIRED,
    ),
    "expired": (_expire, Reason.EXPIRED),
}
BY_THE_STORE = ("user revoked", "object revoked", "token revoked", "before a time", "user disabled")
each_change = pytest.mark.parametrize("change,reason", CHANGES.values(), ids=CHANGES)


@each_change
@pytest.mark.parametrize("at", ["behind RCPT", "behind the body"])
def test_nothing_that_was_taken_away_is_posted(change: Change, reason: Reason, at: str) -> None:
    """Refused in the words of RCPT; nothing is left claimed, nor settled, and no key was used."""
    desk = Desk()
    desk.start(NUMBERED.address)
    if at == "behind RCPT":
        change(desk)
    desk.content(reply_fields(NUMBERED))
    if at == "behind the body":
        change(desk)
    verdict = desk.end_of_message("4Q1")
    desk.connection.done()
    assert isinstance(verdict, Reject) and verdict.reason is reason
    assert reason is Reason.EXPIRED or verdict.reply == INVALID
    assert not any(desk.store.tokens.values())
    assert desk.settled == [] and desk.telemetry.keys == {} and desk.telemetry.ages == []
    assert desk.telemetry.messages[-1].because or reason is Reason.EXPIRED


@each_change
def test_others_get_their_mail(change: Change, reason: Reason) -> None:
    """The reply's recipient is taken off."""
    desk = Desk()
    desk.start(NUMBERED.address, "bob@example.org")
    change(desk)
    assert isinstance(desk.finish(reply_fields(NUMBERED)), Accept)
    assert (desk.telemetry.messages[-1].verdict, desk.telemetry.messages[-1].reason) == ("dropped", reason)
    assert not any(desk.store.tokens.values())


@each_change
def test_observe_mode_says_so_and_uses_nothing_up(change: Change, reason: Reason) -> None:
    """As enforce would."""
    desk = Desk(rules(observe=True))
    desk.start(NUMBERED.address)
    change(desk)
    tags = desk.tags(desk.finish(reply_fields(NUMBERED)))
    assert (tags["would"], tags["reason"]) == ("reject", reason)
    assert not any(desk.store.tokens.values()) and desk.settled == []


@pytest.mark.parametrize("name", CHANGES)
def test_no_reply_is_asked_about_once_more(name: str) -> None:
    """Two questions, as for one that is taken: the claim's answer tells. What the store has no part in costs none."""
    desk = Desk()
    desk.start(NUMBERED.address)
    CHANGES[name][0](desk)
    desk.finish(reply_fields(NUMBERED))
    assert desk.store.calls == (["facts", "claim", "release"] if name in BY_THE_STORE else ["facts"])


def test_a_reload_that_takes_nothing_away_changes_nothing() -> None:
    """The rules of MAIL go on to hold, the policy among them; a new key is no end of the old one."""
    desk = Desk()
    desk.start(NUMBERED.address)
    older = replace(KEYRING.keys[0], state=KeyState.VERIFY)
    _reload(desk, keyring=Keyring(KEYRING.realm, (older, OTHER)), max_message_bytes=1)
    assert isinstance(desk.finish(reply_fields(NUMBERED)), Accept)


def test_an_undone_revocation_is_undone() -> None:
    """What RCPT let in by policy, and stands again by now, is an ordinary reply but for what RCPT saw."""
    desk = Desk(rules({Reason.REVOKED: Action.ACCEPT}), store=MemoryStore(all_revoked_before=NOW))
    desk.start(NUMBERED.address)
    desk.store.all_revoked_before = 0
    assert isinstance(desk.finish(reply_fields(NUMBERED)), Accept)


@pytest.mark.parametrize("action,kind", [(Action.ACCEPT, Accept), (Action.PARK, Park)])
def test_what_the_policy_keeps_stays_claimed(action: Action, kind: type) -> None:
    """``revoked = "park"``: claimed once, sealed with its reason."""
    desk = Desk(rules({Reason.REVOKED: action}))
    desk.start(NUMBERED.address)
    desk.store.all_revoked_before = NOW
    verdict = desk.finish(reply_fields(NUMBERED))
    assert isinstance(verdict, kind)
    assert (desk.tags(verdict)["reason"], desk.tags(verdict)["replay"]) == ("revoked", "first")
    assert len(desk.settled) == 1


def test_a_retry_of_what_was_taken_is_left_as_it_is() -> None:
    """Its reservation is another transaction's."""
    desk = Desk()
    desk.send(NUMBERED)
    desk.start(NUMBERED.address)
    desk.store.all_revoked_before = NOW
    assert isinstance(desk.finish(reply_fields(NUMBERED)), Reject)
    assert "release" not in desk.store.calls
    assert [len(messages) for messages in desk.store.tokens.values()] == [1]
    assert len(desk.settled) == 1


def test_a_release_that_fails_refuses_all_the_same() -> None:
    """The reservation is of no use to anybody."""

    class Dying(MemoryStore):
        """Answers no release."""

        def release(self, claim: Claim) -> None:
            raise StoreUnavailableError("timeout")

    desk = Desk(store=Dying())
    desk.start(NUMBERED.address)
    desk.store.all_revoked_before = NOW
    verdict = desk.finish(reply_fields(NUMBERED))
    assert isinstance(verdict, Reject) and verdict.reason is Reason.REVOKED
    assert desk.settled == []


def test_addresses_on_file_are_those_of_now() -> None:
    """An author who was taken off the file meanwhile is a stranger, and one who was put there is none."""
    desk = Desk(store=MemoryStore(addresses={42: (AUTHOR,)}))
    desk.start(NUMBERED.address)
    desk.store.addresses[42] = ("jane@home.example",)
    verdict = desk.finish(reply_fields(NUMBERED))
    assert isinstance(verdict, Reject) and verdict.reason is Reason.SENDER_MISMATCH
    assert not any(desk.store.tokens.values())


def test_a_store_that_was_away_at_rcpt_is_believed_at_the_end() -> None:
    """``on_failure = "accept"`` is for what could not be learnt."""
    desk = Desk(rules(accepts_without=True), store=MemoryStore(down=True, all_revoked_before=NOW))
    desk.start(NUMBERED.address)
    desk.store.down = False
    verdict = desk.finish(reply_fields(NUMBERED))
    assert isinstance(verdict, Reject) and verdict.reason is Reason.REVOKED


def test_expiry_and_keys_need_no_store() -> None:
    """They hold where replies are taken without it."""
    for name in ("expired", "key retired", "handler disabled"):
        desk = Desk(rules(accepts_without=True))
        desk.start(NUMBERED.address)
        desk.store.down = True
        CHANGES[name][0](desk)
        assert isinstance(desk.finish(reply_fields(NUMBERED)), Reject), name
