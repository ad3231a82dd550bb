"""Answers to an address that stands for an application's own: only one that answers its notification passes."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Reject
from reply_milter.core.wrapping.keys import open_original, seal_capsule
from reply_milter.core.wrapping.plain import Plain, StoredOriginal
from reply_milter.flows.service import Rules
from tests.support.fakes import AUTHOR, KEYRING, NOW, SEAL_KEY, FixedClock, MemoryStore, minted, rules
from tests.support.hosts.dialogue import Desk, Fields, reply_fields
from tests.support.wrapping import NATIVE, NOTIFICATION, OTHER_NATIVE, Wrapped, gitea, wrapped

ONE, OTHER = wrapped(), wrapped(OTHER_NATIVE)


def _rules(handler: Handler | None = None, **changes: object) -> Rules:
    given = rules(**changes)  # type: ignore[arg-type]
    return replace(given, handlers=Handlers.of([*given.handlers.by_id.values(), handler or gitea()]))


def _answer(*ids: str, in_reply_to: str = NOTIFICATION, author: str = AUTHOR) -> list[tuple[str, str]]:
    """A reply that names the notification, and ``ids`` in References."""
    references = "\n ".join(f"<{one}>" for one in ids)
    return [
        *reply_fields(ONE.token, author=author),
        ("In-Reply-To", f" <{in_reply_to}>"),
        *([("References", f" {references}")] if ids else []),
    ]


def _send(desk: Desk, fields: Fields, to: Wrapped = ONE) -> object:
    desk.start(to.address)
    return desk.finish(fields)


def _original(tags: dict[str, str]) -> Plain | None:
    padded = tags["original"] + "=" * (-len(tags["original"]) % 4)
    return open_original([SEAL_KEY], tags["id"], tags["handler"], base64.urlsafe_b64decode(padded))


def _copy(desk: Desk, message_id: str = NOTIFICATION, of: Wrapped = ONE) -> None:
    """Let the store keep, for ONE, what ``of`` stands for."""
    sealed = seal_capsule(KEYRING.active, KEYRING.realm, of.glob, of.plain)
    desk.store.keep_originals({ONE.token_id: StoredOriginal(sealed, message_id)}, ONE.token.expires)


def test_the_capsule_says_what_is_answered() -> None:
    """The verdict carries the original, which only the hook can read; the thread matches."""
    desk = Desk(_rules())
    tags = desk.tags(_send(desk, _answer("earlier@git.example.com", ONE.capsule)))  # type: ignore[arg-type]
    assert (tags["result"], tags["thread"], tags["class"], tags["sender"]) == ("pass", "match", "wrapped", "match")
    assert _original(tags) == Plain(NATIVE, AUTHOR)
    assert NATIVE not in str(tags)


@pytest.mark.parametrize(
    "written",
    [
        lambda one: one.upper(),
        lambda one: f"{one}>\n <other@client.example",
        lambda one: "x@y.example>\n =?utf-8?q?=3C" + one.replace("@", "=40") + "=3E?= <z@y.example",
    ],
    ids=["upper case", "behind others", "encoded word"],
)
def test_a_capsule_is_read_as_mail_programs_write_it(written: object) -> None:
    """Some change the case of ids, and some encode long ones."""
    desk = Desk(_rules())
    tags = desk.tags(_send(desk, _answer(written(ONE.capsule))))  # type: ignore[operator, arg-type]
    assert tags["thread"] == "match"


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        (_answer(), "thread_absent", "550 5.7.1 Answer the notification itself"),
        (_answer(OTHER.capsule), "thread_mismatch", "550 5.7.1 This address answers another message"),
        (_answer("w1." + "a" * 100 + "@reply.test"), "thread_mismatch", "550 5.7.1 This address answers another"),
        (_answer(ONE.capsule.replace("reply.test", "evil.example")), "thread_mismatch", "550 5.7.1 This address"),
        (_answer(ONE.capsule, author="eve@example.net"), "sender_mismatch", "550 5.7.1 Reply from the address"),
    ],
    ids=["none", "another's", "invented", "another's domain", "another's author"],
)
def test_what_does_not_answer_the_notification_is_refused(fields: Fields, reason: str, words: str) -> None:
    """The address alone is not enough."""
    desk = Desk(_rules())
    verdict = _send(desk, fields)
    assert isinstance(verdict, Reject)
    assert (verdict.reason, str(verdict.reply)[: len(words)]) == (reason, words)
    assert desk.store.tokens == {} or reason == "sender_mismatch"


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.PARK])
def test_without_knowing_the_original_nothing_is_accepted_or_parked(action: Action) -> None:
    """Whatever the policy says: nobody could be asked, and nothing could be restored."""
    policy = Policy(actions={Reason.THREAD_ABSENT: action, Reason.THREAD_MISMATCH: action})
    desk = Desk(_rules(gitea(policy)))
    assert isinstance(_send(desk, _answer()), Reject)


def test_the_copy_counts_for_a_reply_that_names_the_notification() -> None:
    """A mail program that drops References names it in In-Reply-To."""
    desk = Desk(_rules())
    _copy(desk)
    tags = desk.tags(_send(desk, _answer()))  # type: ignore[arg-type]
    assert (tags["thread"], _original(tags)) == ("match", Plain(NATIVE, AUTHOR))


def test_the_copy_does_not_count_for_another_thread() -> None:
    """Else the address alone would be enough. Parked, it may wait for the notification's recipient."""
    desk = Desk(_rules())
    _copy(desk, "another@git.example.com")
    assert isinstance(_send(desk, _answer()), Reject)
    parking = Desk(_rules(gitea(Policy(actions={Reason.THREAD_ABSENT: Action.PARK})), parks_in_hook=True))
    _copy(parking, "another@git.example.com")
    tags = parking.tags(_send(parking, _answer()))  # type: ignore[arg-type]
    assert (tags["result"], tags["thread"], _original(tags)) == ("park", "absent", Plain(NATIVE, AUTHOR))


def test_another_tokens_copy_is_none() -> None:
    """What the store holds proves nothing by itself: it must open under this very address."""
    desk = Desk(_rules())
    _copy(desk, of=OTHER)
    assert isinstance(_send(desk, _answer()), Reject)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Anything", " a\x01b"), ("Subject", " a\rb"), ("X-Folded", " a\nb"), ("X-\x7fName", " a"),
        ("From", " =?utf-8?q?eve?=@example.net"), ("From", ' "jane doe"@example.org'),
    ],
)  # fmt: skip
def test_a_header_that_an_application_may_read_otherwise_is_refused(name: str, value: str) -> None:
    """Control characters anywhere; an author that is no Dot-string, or stands in an encoded word."""
    desk = Desk(_rules())
    fields = [(one, old) for one, old in _answer(ONE.capsule) if one != name] + [(name, value)]
    verdict = _send(desk, fields)
    assert isinstance(verdict, Reject)
    assert verdict.reason == "malformed"


def test_folding_and_tabs_are_no_controls() -> None:
    """As mail programs write them, and as Sendmail hands them over."""
    desk = Desk(_rules())
    fields = [*_answer(ONE.capsule), ("X-Long", " one\r\n\ttwo\n three")]
    assert isinstance(_send(desk, fields), Accept)


def test_the_same_control_characters_matter_to_nobody_else() -> None:
    """Applications that use our tokens today get what they got."""
    desk, answered = Desk(_rules()), minted()
    assert isinstance(desk.send(answered, [*reply_fields(answered), ("X-Anything", " a\x01b")]), Accept)


def test_a_store_that_is_unavailable_hides_no_missing_capsule() -> None:
    """Beside other recipients the reply would be accepted: not without its second factor."""
    desk = Desk(_rules(), store=MemoryStore())
    desk.start("bob@example.org", ONE.address)
    desk.store.down = True
    verdict = desk.finish(_answer())
    assert [told.reason for told in desk.telemetry.messages] == ["thread_absent"]
    assert isinstance(verdict, Accept)


def test_observe_mode_of_the_handler_alone() -> None:
    """The others stay as the policy has them."""
    desk = Desk(_rules(gitea(Policy(observe=True))))
    verdict = _send(desk, _answer())
    assert isinstance(verdict, Accept)
    assert desk.tags(verdict)["would"] == "reject"
    assert isinstance(Desk(_rules(gitea(Policy(observe=True)))).start("reply+junk@reply.test")[0], Reject)


def test_the_clock_of_the_capsule_is_the_tokens() -> None:
    """An address that expired is refused at RCPT, capsule or not."""
    desk = Desk(_rules())
    desk.service = replace(desk.service, clock=FixedClock(ONE.token.expires))
    assert isinstance(desk.start(ONE.address)[0], Reject)


USER = ONE.token.token.user
KNOWN: dict[str, Callable[[MemoryStore], object]] = {
    "disabled": lambda store: store.disabled_pseudo_users.add(USER),
    "revoked": lambda store: store.pseudo_users_revoked_before.update({USER: NOW}),
    "other address on file": lambda store: store.addresses_of_pseudo_users.update({USER: ("jane@home.example",)}),
}
OF_THE_REAL_ONE: dict[str, Callable[[MemoryStore], object]] = {
    "disabled": lambda store: store.disabled_users.add(USER),
    "revoked": lambda store: store.users_revoked_before.update({USER: NOW}),
    "other address on file": lambda store: store.addresses.update({USER: ("jane@home.example",)}),
}


@pytest.mark.parametrize("at_rcpt", [True, False], ids=["at RCPT", "at the end"])
@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_of_the_real_user_with_its_number_does_not_count(name: str, at_rcpt: bool) -> None:
    """And what is known of the pseudo-user does: also what is put on file between RCPT and the end."""
    for put, passes in ((OF_THE_REAL_ONE[name], True), (KNOWN[name], False)):
        desk = Desk(_rules())
        if at_rcpt:
            put(desk.store)
        (verdict,) = desk.start(ONE.address)
        if not at_rcpt:
            put(desk.store)
        if isinstance(verdict, Accept):
            verdict = desk.finish(_answer(ONE.capsule))
        assert isinstance(verdict, Accept) is passes
