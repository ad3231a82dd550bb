"""Native addresses that are verified: judged like answers to ours, by what the application knows of its users."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from reply_milter.core.mail.headers import RemoveRecipient
from reply_milter.core.native import gitea as tokens
from reply_milter.core.native import gob
from reply_milter.core.native.forms import FORMS, Named
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import LinesFile, Verification
from reply_milter.core.token.verify import Facts
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Reject
from reply_milter.core.wrapping.keys import open_original
from reply_milter.core.wrapping.pattern import parse
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.ports import Claim, Claimed, Consult, FactsOf, Pending, Replay, SourceUnavailableError
from tests.support.fakes import AUTHOR, NOW, SEAL_KEY, MemoryMark, rules
from tests.support.hosts.dialogue import Desk, edits, reply_fields
from tests.support.native_writers import gitea_token, moodle_key
from tests.support.wrapping import gitea, wrapped

SECRET, OTHER = "77f3fb1de115523da4d552f6127ed9a2", "3b27f07c862c0918394ca05f179b32dc"
INVALID = "550 5.7.1 This reply address is not valid"
MAIL = reply_fields(wrapped().token)


def token(user: int = 42, secret: str = SECRET, expires: int = NOW + 86400, issue: int = 7) -> str:
    """A token as Gitea writes it."""
    data = b"\1" + gob.write_uint(0) + gob.write_int(issue)
    payload = gob.write_int(expires) + gob.write_uint(1) + gob.write_octets(data)
    mac = tokens.mac_of(payload, secret, tokens.GITEA)
    return tokens.write(tokens.GiteaToken(user, mac, payload, expires, 1, data), tokens.GITEA)


def native(key: str) -> str:
    """The address with that key."""
    return f"incoming+{key}@git.example.com"


@dataclass
class People:
    """Users of the application, by number; counts the questions."""

    users: dict[int, Known] = field(default_factory=lambda: {42: Known(SECRET, (AUTHOR,)), 43: Known(OTHER)})
    asked: list[int] = field(default_factory=list)
    answers: bool = True

    def known(self, handler_id: int, named: Named) -> Known | None:
        """See ``ports.NativeSources``."""
        assert handler_id == 20
        self.asked.append(named.user)
        if not self.answers:
            raise SourceUnavailableError("the file can't be read")
        return self.users.get(named.user)


def _desk(people: People, policy: Policy | None = None, **changes: object) -> Desk:
    verification = Verification(FORMS["gitea"], LinesFile("/nowhere"))
    handler: Handler = gitea(policy, verification=verification, **changes)
    given = rules()
    desk = Desk(replace(given, handlers=Handlers.of([*given.handlers.by_id.values(), handler])))
    desk.service = replace(desk.service, mark=MemoryMark(set()), natives=people)
    return desk


def _throttling(desk: Desk) -> Desk:
    """The same, which takes three guesses a minute."""
    rules_now = desk.service.rules
    desk.service = replace(
        desk.service, rules=replace(rules_now, verify=replace(rules_now.verify, forged_per_minute=3))
    )
    return desk


def _tags(desk: Desk, verdict: object) -> dict[str, str]:
    return desk.tags(verdict)  # type: ignore[arg-type]


def test_a_genuine_one_is_sealed_like_an_answer_to_ours() -> None:
    """With user, sender and claim; the address stands in clear nowhere."""
    desk, key = _desk(People()), token()
    assert desk.start(native(key)) == [Accept()]
    tags = _tags(desk, desk.finish(MAIL))
    assert (tags["class"], tags["sender"], tags["thread"], tags["replay"]) == ("native", "match", "none", "first")
    padded = tags["original"] + "=" * (-len(tags["original"]) % 4)
    plain = open_original([SEAL_KEY], tags["id"], "gitea", base64.urlsafe_b64decode(padded))
    assert plain == Plain(native(key), AUTHOR)
    assert key.lower() not in str(tags).lower()


def test_a_second_copy_counts_once() -> None:
    """Under the same id, for the same address."""
    desk, address = _desk(People()), native(token())
    first = [_tags(desk, (desk.start(address), desk.finish(MAIL))[1]) for _ in range(2)]
    assert len({tags["id"] for tags in first}) == 1
    assert [tags["replay"] for tags in first] == ["first", "retry"]
    other = replace_id(MAIL)
    desk.start(address)
    assert _tags(desk, desk.finish(other))["id"] != first[0]["id"]


def replace_id(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same message with another Message-ID and Subject."""
    changed = {"Message-ID": " <2@client.example>", "Subject": " Re: more"}
    return [(name, changed.get(name, value)) for name, value in fields]


@pytest.mark.parametrize(
    "key",
    [
        token(secret=OTHER), token(user=44), token(user=43), token().lower(), "A" * 77,
        token()[:-1] + ("A" if token()[-1] != "A" else "B"), token()[:-8],
    ],
)  # fmt: skip
def test_unknown_malformed_and_wrong_sound_and_cost_the_same(key: str) -> None:
    """One question, one answer; and nothing is asked of the store."""
    people = People()
    desk = _desk(people)
    (verdict,) = desk.start(native(key))
    assert isinstance(verdict, Reject)
    assert (verdict.reason, str(verdict.reply)) == (Reason.FORGED, INVALID)
    assert len(people.asked) == 1 and desk.store.calls == []


@pytest.mark.parametrize("form", list(FORMS))
def test_every_wrong_key_costs_the_same_calls_and_hears_the_same_octets(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One question to the source, one digest, one comparison; whatever is wrong, and whatever the application."""
    good = {
        "gitea": gitea_token(42, SECRET, NOW + 86400), "forgejo": gitea_token(42, SECRET, NOW + 86400, forgejo=True),
        "moodle": moodle_key(1, 42, 7, SECRET, SECRET),
    }[form]  # fmt: skip
    wrong = {
        "gitea": [gitea_token(44, SECRET, NOW + 86400), gitea_token(42, OTHER, NOW + 86400), good[:-8], "A" * 77],
        "forgejo": [
            gitea_token(44, SECRET, NOW, forgejo=True), gitea_token(42, OTHER, NOW, forgejo=True), good[:-8],
            "A" * 77, gitea_token(42, SECRET, NOW + 86400),
        ],
        "moodle": [
            moodle_key(1, 44, 7, SECRET, SECRET), moodle_key(1, 42, 7, OTHER, SECRET), moodle_key(0, 42, 7, "", ""),
            moodle_key(1, 42, 7, SECRET, OTHER), good.swapcase(), "/" * 48,
        ],
    }[form]  # fmt: skip
    calls: list[str] = []
    for module, name in ((hmac, "digest"), (hmac, "compare_digest"), (hashlib, "md5")):
        monkeypatch.setattr(module, name, _counted(calls, name, getattr(module, name)))
    heard = set()
    for key in wrong:
        people = People({42: Known(SECRET, data_secret=SECRET)})
        desk = _desk_of(form, people)
        calls.clear()
        (verdict,) = desk.start(f"incoming+{key}@git.example.com")
        assert isinstance(verdict, Reject)
        heard.add((verdict.reply.code, verdict.reply.enhanced, verdict.reply.text, tuple(calls), len(people.asked)))
        assert desk.store.calls == []
    assert len(heard) == 1
    digest = "md5" if form == "moodle" else "digest"
    assert [(calls, asked) for *_, calls, asked in heard] == [((digest, "compare_digest"), 1)]


def _counted(calls: list[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def counting(*given: Any, **named: Any) -> Any:
        calls.append(name)
        return real(*given, **named)

    return counting


def _desk_of(form: str, people: People) -> Desk:
    """A desk that verifies addresses of another form."""
    preset = PRESETS[form]
    pattern = parse("incoming+{key}@git.example.com", preset.key, preset.case_matters)
    handler = gitea(verification=Verification(FORMS[form], LinesFile("/nowhere")), preset=preset, address=pattern)
    given = rules()
    desk = Desk(replace(given, handlers=Handlers.of([*given.handlers.by_id.values(), handler])))
    desk.service = replace(desk.service, mark=MemoryMark(set()), natives=people)
    return desk


def test_a_second_spelling_is_told_to_the_operator() -> None:
    """Who plays with spellings has a genuine address."""
    desk = _desk(People())
    desk.start(native(token().lower()))
    assert desk.telemetry.recipients[-1].because == "spelling"


def test_an_expired_one_is_told_so() -> None:
    """Valid in its last second, as the application has it."""
    desk = _desk(People())
    assert desk.start(native(token(expires=NOW))) == [Accept()]
    (verdict,) = desk.start(native(token(expires=NOW - 1)))
    assert isinstance(verdict, Reject) and verdict.reason == Reason.EXPIRED


def test_a_disabled_user_sounds_like_an_unknown_one() -> None:
    """The operator reads the difference in the log."""
    desk = _desk(People({42: Known(SECRET, (AUTHOR,), disabled=True)}))
    (verdict,) = desk.start(native(token()))
    assert isinstance(verdict, Reject) and str(verdict.reply) == INVALID


def test_without_an_answer_of_the_source_the_client_comes_again() -> None:
    """Nothing is known then, of good addresses either; ordinary mail is not concerned."""
    people = People(answers=False)
    desk = _desk(people)
    (verdict,) = desk.start(native(token()))
    assert isinstance(verdict, Defer)
    assert desk.start("jane@git.example.com") == [Accept()]


@pytest.mark.parametrize("recipients", [[native(token())], ["bob@example.org", native(token())]])
def test_a_local_submission_waits_for_the_source_as_a_whole(recipients: list[str]) -> None:
    """Nobody would send it again for the one address; to remove that would lose the reply."""
    desk = _desk(People(answers=False))
    assert desk.start(*recipients, over_smtp=False) == [Accept(desk_reason) for desk_reason in _reasons(recipients)]
    verdict = desk.finish(MAIL)
    assert isinstance(verdict, Defer) and verdict.reason == Reason.STORE_UNAVAILABLE
    assert [(told.verdict, told.because) for told in desk.telemetry.messages] == [("defer", "source")]


def _reasons(recipients: list[str]) -> list[Reason]:
    return [Reason.STORE_UNAVAILABLE if "+" in one else Reason.OK for one in recipients]


def test_a_local_submission_waits_while_its_host_is_throttled() -> None:
    """Another user of the host made the guesses; the address may be genuine."""
    desk = _throttling(_desk(People()))
    for number in range(1, 6):
        desk.start(native(token(user=44, issue=number)))
    desk.start("bob@example.org", native(token()), over_smtp=False)
    verdict = desk.finish(MAIL)
    assert isinstance(verdict, Defer) and verdict.reason == Reason.THROTTLED


def test_a_forged_one_beside_others_of_a_local_submission_comes_off() -> None:
    """As for our addresses: the others get their mail."""
    desk = _desk(People())
    desk.start("bob@example.org", native(token(user=44)), over_smtp=False)
    verdict = desk.finish(MAIL)
    assert list(edits(verdict)) == [RemoveRecipient(f"<{native(token(user=44))}>")]


def test_ours_in_a_local_submission_needs_no_source() -> None:
    """The application's own address beside it is only another name of the same thing."""
    desk = _desk(People(answers=False))
    ours = wrapped(native(token()))
    desk.start(native(token()), ours.address, over_smtp=False)
    fields = [*reply_fields(ours.token), ("References", f" <{ours.capsule}>")]
    verdict = desk.finish(fields)
    assert desk.tags(verdict)["class"] == "wrapped"
    assert RemoveRecipient(f"<{native(token())}>") in list(edits(verdict))


def test_a_source_that_goes_while_the_message_comes_in_loses_no_reply() -> None:
    """Alone the client comes again; beside others, what RCPT has found stands."""
    for others, expected in (([], Defer), (["bob@example.org"], Accept)):
        people = People()
        desk = _desk(people)
        desk.start(*others, native(token()))
        people.answers = False
        verdict = desk.finish(MAIL)
        assert isinstance(verdict, expected)
        if others:
            assert desk.tags(verdict)["class"] == "native"


def test_another_author_is_a_mismatch_where_the_source_tells_addresses() -> None:
    """Without addresses, anybody who has the address may use it, as with the application itself."""
    desk = _desk(People())
    desk.start(native(token()))
    verdict = desk.finish(reply_fields(wrapped().token, author="mallory@example.net"))
    assert verdict.reason == Reason.SENDER_MISMATCH
    desk = _desk(People({42: Known(SECRET)}))
    desk.start(native(token()))
    assert _tags(desk, desk.finish(reply_fields(wrapped().token, author="mallory@example.net")))["sender"] == "unknown"


def test_forged_ones_are_throttled_before_the_source_is_asked() -> None:
    """So that nobody makes us ask a database a thousand times."""
    people = People()
    desk = _throttling(_desk(people))
    verdicts = [desk.start(native(token(user=44, issue=number)))[0] for number in range(1, 7)]
    assert [type(one) for one in verdicts] == [Reject] * 3 + [Defer] * 3
    assert len(people.asked) == 3


def test_a_change_at_the_source_counts_until_the_end_of_the_message() -> None:
    """The user's secret changed while the message came in."""
    people = People()
    desk = _desk(people)
    desk.start(native(token()))
    people.users[42] = Known(OTHER, (AUTHOR,))
    verdict = desk.finish(MAIL)
    assert isinstance(verdict, Reject) and verdict.reason == Reason.FORGED


def test_in_one_message_with_ours_the_native_one_goes() -> None:
    """As without verification; two genuine native ones of different issues can't be answered at once."""
    desk = _desk(People())
    ours = wrapped(native(token()))
    assert desk.start(ours.address, native(token())) == [Accept(), Accept()]
    desk = _desk(People())
    first, second = desk.start(native(token()), native(token(issue=8)))
    assert first == Accept() and isinstance(second, Defer) and second.reason == Reason.NOT_ALONE


def test_the_store_keeps_what_it_says_of_the_user() -> None:
    """A pseudo-user that was revoked after the address was made."""
    desk = _desk(People())
    user = wrapped(recipient=AUTHOR).token.token.user
    desk.store.pseudo_users_revoked_before[user] = NOW
    (verdict,) = desk.start(native(token()))
    assert isinstance(verdict, Reject) and verdict.reason == Reason.REVOKED


def test_a_second_address_of_the_user_may_answer_too() -> None:
    """One that the application does not know, which the operator has put on file."""
    desk = _desk(People())
    user, second = wrapped(recipient=AUTHOR).token.token.user, "jane@work.example"
    desk.store.addresses_of_pseudo_users[user] = (second,)
    desk.start(native(token()))
    assert _tags(desk, desk.finish(reply_fields(wrapped().token, author=second)))["sender"] == "match"


@pytest.mark.parametrize(
    "people,key,author,reason,would",
    [
        (People(), token(), "jane@private.example", "sender_mismatch", "reject"),
        (People(), token(secret=OTHER), AUTHOR, "forged", "reject"),
        (People(), token(user=44), AUTHOR, "forged", "reject"),
        (People(), token(expires=NOW - 1), AUTHOR, "expired", "reject"),
        (People({42: Known(SECRET, (AUTHOR,), disabled=True)}), token(), AUTHOR, "forged", "reject"),
        (People(answers=False), token(), AUTHOR, "store_unavailable", "defer"),
    ],
)
def test_in_observe_mode_the_application_gets_what_it_got_before(
    people: People, key: str, author: str, reason: str, would: str
) -> None:
    """The hook leaves alone what says ``would``, so the seal must not; log and metric do."""
    desk = _desk(people, Policy(observe=True))
    (verdict,) = desk.start(native(key))
    assert isinstance(verdict, Accept)
    tags = _tags(desk, desk.finish(reply_fields(wrapped().token, author=author)))
    assert (tags["result"], tags["class"], tags.get("would", "")) == ("pass", "native", "")
    padded = tags["original"] + "=" * (-len(tags["original"]) % 4)
    plain = open_original([SEAL_KEY], tags["id"], "gitea", base64.urlsafe_b64decode(padded))
    assert plain is not None and plain.original == native(key)
    told = [(one.reason, one.would) for one in (*desk.telemetry.recipients, *desk.telemetry.messages)]
    assert (reason, would) in told


def test_in_observe_mode_an_unreadable_store_keeps_no_native_reply_back() -> None:
    """It can't be claimed; the application gets it all the same."""
    desk = _desk(People(), Policy(observe=True))
    desk.start(native(token()))
    desk.store.down = True
    tags = _tags(desk, desk.finish(MAIL))
    assert (tags["class"], tags.get("would", "")) == ("native", "")
    assert desk.telemetry.messages[-1].would == "defer"


def test_the_log_tells_what_was_wrong() -> None:
    """The client hears one text for all of them."""
    for key, people, cause in (
        (token()[:-8], People(), "form"),
        (token(user=44), People(), "unknown_user"),
        (token(secret=OTHER), People(), "checksum"),
        (token(), People({42: Known(SECRET, disabled=True)}), "user_disabled"),
        (token(), People({42: Known(SECRET, data_disabled=True)}), "handler"),
    ):
        desk = _desk(people)
        (verdict,) = desk.start(native(key))
        assert isinstance(verdict, Reject) and str(verdict.reply) == INVALID
        assert desk.telemetry.recipients[-1].because == cause


def test_the_source_is_asked_by_whoever_drives_the_steps() -> None:
    """It may be a database that keeps us waiting: at RCPT and at the end, before the store; its failure is told."""
    people = People(answers=False)
    desk, address, known = _desk(people), native(token()), People().users[42]
    for at_rcpt, at_end in ((known, known), (known, None), (None, None)):
        desk.connection.mail(f"<{AUTHOR}>")
        verdict = _driven(desk.connection.rcpt(f"<{address}>", address, True), at_rcpt, [Consult, FactsOf])
        assert isinstance(verdict, Accept if at_rcpt else Defer)
        if at_rcpt is None:
            continue
        desk.content(MAIL)
        asked: list[type] = [Consult, Claim] if at_end else [Consult]
        verdict = _driven(desk.connection.end_of_message("4Q1"), at_end, asked)
        assert isinstance(verdict, Accept if at_end else Defer)
        desk.connection.abort()
    assert people.asked == []


def _driven(answer: object, known: Known | None, expected: list[type]) -> object:
    """Answer what is asked: ``known`` by the source, None if it can't say; the store takes everything."""
    assert isinstance(answer, Pending)
    asked, said = [], answer.steps.send(None)
    while True:
        asked.append(type(said))
        try:
            if isinstance(said, Consult):
                tell = answer.steps.send if known else answer.steps.throw
                said = tell(known or SourceUnavailableError("locked"))  # type: ignore[arg-type]
            else:
                said = answer.steps.send(Facts() if isinstance(said, FactsOf) else Claimed(Replay.FIRST, facts=Facts()))
        except StopIteration as end:
            assert asked == (expected if known else [Consult])
            return end.value
