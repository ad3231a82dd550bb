"""What becomes of each message of a mailbox: a folder for an answer, and everything else untouched."""

from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.delivery.outcome import Later, Never
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.verdict_header import unseal
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.reasons import Reason
from reply_milter.flows.delivering.parking import release
from reply_milter.flows.fetching import handling
from reply_text.syntax.message_file import split
from tests.support.fakes import AUTHOR, FORM, minted, rules
from tests.support.hosts.dialogue import reply_fields
from tests.support.hosts.fetching import RECEIVED, Fetching, delivered, mail, reply
from tests.support.wrapping import NATIVE, NOTIFICATION, gitea, wrapped


@pytest.fixture
def host(tmp_path: Path) -> Fetching:
    """A host with an empty mailbox."""
    return Fetching(tmp_path)


def test_a_reply_is_handed_over_moved_and_committed(host: Fetching) -> None:
    """The application gets what it gets by SMTP."""
    host.arrive()
    assert host.look()
    (got,) = host.hook.deliverer.replies
    assert (got.user, got.handler, got.text.strip()) == (42, "issue", "Yes, let us do that.")
    assert (host.verdicts, len(host.mailbox.folders["Done"]), host.committed) == (["delivered"], 1, 1)
    assert (host.mailbox.messages, host.service.record.next_due()) == ({}, None)


def test_a_reply_is_deleted_where_that_is_wanted(tmp_path: Path) -> None:
    """DELETE_MESSAGE of the proposal."""
    host = Fetching(tmp_path, deletes=True)
    host.arrive()
    host.look()
    assert (host.mailbox.messages, host.mailbox.folders) == ({}, {})
    assert "delete" in host.mailbox.calls


@pytest.mark.parametrize(
    "message",
    [
        delivered("jane@example.net", [("From", f" {AUTHOR}")]),
        delivered("reply@reply.test", [("From", f" {AUTHOR}")]),
        delivered("reply+newsletter@reply.test", [("From", f" {AUTHOR}")]),
        mail([("From", f" {AUTHOR}"), ("To", " reply+newsletter@reply.test")]),
        b"",
        b"\r\n",
        b"no header at all",
    ],
)
def test_what_is_no_reply_is_only_looked_at(host: Fetching, message: bytes) -> None:
    """It is neither moved nor claimed, nor looked at again."""
    host.mailbox.append(message)
    host.look()
    assert (list(host.mailbox.messages.values()), host.verdicts, host.store.calls) == ([message], ["ordinary"], [])
    reads = host.mailbox.calls.count("fetch")
    host.look(3600)
    assert host.mailbox.calls.count("fetch") == reads
    assert set(host.mailbox.calls) <= {"open", "uids_after", "fetch"}


def test_a_forgery_goes_to_the_rejected(host: Fetching) -> None:
    """With the reason of SMTP."""
    answered = minted()
    local, domain = answered.address.split("@")
    forged = replace(answered, address=f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}")
    host.mailbox.append(reply(forged))
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("rejected", "forged")]
    assert (len(host.mailbox.folders["Rejected"]), host.handed) == (1, 0)


def test_a_replay_goes_to_the_rejected(host: Fetching) -> None:
    """The first copy was committed."""
    answered = host.arrive()
    host.look()
    host.mailbox.append(reply(answered))
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("delivered", ""), ("rejected", "duplicate")]
    assert host.handed == 1


def test_two_copies_at_a_time_have_one_effect(host: Fetching) -> None:
    """Neither is committed when the other is judged; both have the same id."""
    answered = host.arrive()
    host.mailbox.append(reply(answered))
    host.look()
    host.look(3600)
    assert (host.handed, host.mailbox.messages) == (1, {})


def test_a_second_copy_of_a_message_that_the_provider_named_is_a_replay(host: Fetching) -> None:
    """Its author gave it no Message-ID; each copy gets another one from the provider."""
    answered = minted()
    for number in (1, 2):
        added = f"<{number}.SMTPIN_ADDED_MISSING@mx.google.com>"
        host.mailbox.append(delivered(answered.address, reply_fields(answered, added)))
        host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("delivered", ""), ("rejected", "duplicate")]
    assert host.handed == 1


def test_several_genuine_addresses_are_refused(tmp_path: Path) -> None:
    """As several recipients of one message are at SMTP time."""
    host = Fetching(tmp_path, field_name="")
    both = [minted(user=1), minted(user=2)]
    to = ("To", ", ".join(f" <{one.address}>" for one in both))
    host.mailbox.append(mail([RECEIVED, to, *reply_fields(both[0])]))
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("rejected", "not_alone")]
    assert host.store.tokens == {}


def test_a_field_that_is_there_twice_does_not_name_the_recipient(host: Fetching) -> None:
    """Above the topmost Received."""
    answered = minted()
    twice = [("Delivered-To", " x@example.net"), ("Delivered-To", f" {answered.address}")]
    host.mailbox.append(mail([*twice, RECEIVED, *reply_fields(answered)]))
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("rejected", "not_alone")]


def test_a_busy_application_is_asked_again(host: Fetching) -> None:
    """The reply stays in the mailbox, unseen, and is not judged again."""
    host.hook.deliverer.script = [Later("busy")]
    host.arrive()
    host.look()
    assert (host.verdicts, len(host.mailbox.messages), host.committed) == (["deferred"], 1, 0)
    host.look(5)
    assert host.handed == 1
    host.look(10)
    assert (host.verdicts, host.handed, host.committed) == (["deferred", "delivered"], 2, 1)
    assert host.store.calls.count("claim") == 1


def test_an_accepted_reply_does_not_expire(host: Fetching) -> None:
    """It was accepted in time, and by SMTP the MTA would keep it."""
    host.hook.deliverer.script = [Later("busy")]
    host.arrive(now=host.hook.clock.time - 90 * 86400 + 60)
    host.look()
    host.look(600)
    assert host.verdicts == ["deferred", "delivered"]


def test_a_refused_reply_becomes_a_dead_letter(host: Fetching) -> None:
    """The hook keeps it; the mailbox shows that it was not posted."""
    host.hook.deliverer.script = [Never("no such issue")]
    host.arrive()
    host.look()
    assert (host.verdicts, host.committed) == (["dead_letter"], 1)
    assert len(host.mailbox.folders["Rejected"]) == len(host.hook.service.dead_letters.all()) == 1


def test_without_the_store_nothing_is_lost(host: Fetching) -> None:
    """It is judged when the store is back."""
    host.store.down = True
    host.arrive()
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("deferred", "store_unavailable")]
    host.store.down = False
    host.look(15)
    assert (host.verdicts[-1], host.handed) == ("delivered", 1)


def test_a_commit_without_an_answer_is_made_later(host: Fetching) -> None:
    """The message is moved by then; the record still has its id."""
    host.arrive()
    host.mailbox.before = lambda name: setattr(host.store, "down", name == "move")
    host.look()
    assert (host.verdicts, host.committed) == (["delivered"], 0)
    host.store.down = False
    host.mailbox.before = lambda _name: None
    host.look(3600)
    assert (host.verdicts, host.committed, host.service.record.next_due()) == (["delivered"], 1, None)


def test_a_full_folder_defers_the_move_and_not_the_reply(host: Fetching) -> None:
    """The reply is handed over once; the move is tried again."""
    host.arrive()
    host.mailbox.full = True
    host.look()
    assert (host.verdicts, host.handed, host.committed) == (["deferred"], 1, 0)
    host.mailbox.full = False
    host.look(15)
    assert (host.verdicts, host.handed, host.committed) == (["deferred", "delivered"], 1, 1)
    assert len(host.mailbox.folders["Done"]) == 1


def test_a_large_reply_goes_to_the_rejected_and_other_large_mail_stays(host: Fetching) -> None:
    """Nobody reads all of it."""
    answered = minted()
    host.mailbox.append(delivered(answered.address, reply_fields(answered), b"x" * 200_000))
    host.mailbox.append(delivered("jane@example.net", [("From", f" {AUTHOR}")], b"x" * 200_000))
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("unreadable", "too_large"), ("ordinary", "")]
    assert list(host.mailbox.messages) == [2]


def test_a_header_without_an_end_is_malformed(host: Fetching) -> None:
    """Whatever follows is not read: millions of fields would take gigabytes."""
    answered = minted()
    fields = reply_fields(answered)
    host.service = replace(host.service, rules=replace(host.service.rules, max_message_bytes=10_000_000))
    host.mailbox.append(delivered(answered.address, [*fields, *[("X", "")] * 400_000]))
    host.mailbox.append(delivered(answered.address, [*fields, *[("X-Long", f" {'x' * 900}")] * 250]))
    host.look()
    assert [(one.verdict, one.reason) for one in host.told.reports] == [("rejected", "malformed"), ("delivered", "")]
    assert (host.mailbox.calls.count("beginnings"), host.mailbox.calls.count("fetch")) == (1, 2)


def test_observe_mode_moves_only_what_enforce_mode_takes(tmp_path: Path) -> None:
    """What it would refuse stays untouched, and the log says what it is."""
    host = Fetching(tmp_path, rules(observe=True))
    host.arrive()
    answered = minted(user=7)
    host.mailbox.append(reply(answered, author="mallory@example.com"))
    host.mailbox.append(delivered(answered.address, reply_fields(answered), b"x" * 200_000))
    host.look()
    assert sorted(host.verdicts) == ["delivered", "observed", "observed"]
    assert (list(host.mailbox.messages), host.handed) == ([2, 3], 1)
    assert host.decisions.messages[-1].would == "reject"


def test_a_parked_reply_stays_until_its_user_has_decided(tmp_path: Path) -> None:
    """It is claimed, kept by the hook, and not fetched again."""
    host = Fetching(tmp_path, rules({Reason.SENDER_MISMATCH: Action.PARK}))
    host.mailbox.append(reply(minted(), author="john@example.com"))
    host.look()
    host.look(3600)
    assert (host.verdicts, list(host.mailbox.messages)) == (["parked"], [1])
    (parked,) = host.hook.service.parking.all()
    release(host.service.delivering, parked)
    host.look(3600)
    assert (host.verdicts, host.handed, host.committed) == (["parked", "delivered"], 1, 1)
    assert len(host.mailbox.folders["Done"]) == 1


def test_other_numbers_for_the_same_mail_do_no_harm(host: Fetching) -> None:
    """UIDVALIDITY changed: all is looked at again; what waits keeps its id."""
    host.hook.deliverer.script = [Later("busy")]
    host.mailbox.append(delivered("jane@example.net", [("From", f" {AUTHOR}")]))
    host.arrive()
    host.look()
    host.mailbox.renumber()
    host.look()
    assert sorted(host.verdicts) == ["deferred", "delivered", "ordinary", "ordinary"]
    assert (len({one.id for one in host.hook.deliverer.replies}), host.committed) == (1, 1)


def test_no_two_processes_look_at_a_time(host: Fetching) -> None:
    """The second one leaves."""
    with host.service.delivering.ledger.hold(f"mailbox {host.service.rules.identity}"):
        host.arrive()
        assert not host.look()
    assert (host.look(), host.handed) == (True, 1)


def test_an_error_of_ours_harms_no_other_message(host: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again."""

    def broken(*_given: object) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    host.arrive(user=1)
    host.arrive(user=2)
    monkeypatch.setattr(handling, "judge", broken)
    host.look()
    assert (sorted(host.verdicts), host.told.accidents) == (["deferred", "delivered"], 1)
    host.look(15)
    assert host.handed == 2


def test_the_verdict_says_where_the_recipient_stood(host: Fetching) -> None:
    """All else is as by SMTP."""
    host.arrive()
    host.look()
    (got,) = host.hook.deliverer.replies
    values = [value for name, value in split(got.envelope.message)[0] if name == VERDICT]
    sealed = unseal(values, host.service.verifying.rules.seal_keys)
    assert isinstance(sealed, dict)
    assert sealed["recipient_source"] == "delivered-to"
    assert FORM.mint_domain == sealed["recipient_domain"]


def test_a_wrapped_application_gets_its_own_address(tmp_path: Path) -> None:
    """The reply came to a mailbox of somebody else's, and is restored as by the hook behind an MTA."""
    given = rules()
    handlers = Handlers.of([*given.handlers.by_id.values(), gitea()])
    host = Fetching(tmp_path, replace(given, handlers=handlers))
    hook = host.service.delivering
    known = Handlers.of([*hook.rules.handlers.by_id.values(), gitea()])
    host.service = replace(
        host.service,
        delivering=replace(
            hook,
            rules=replace(hook.rules, handlers=known),
            deliverers={**hook.deliverers, "gitea": host.hook.deliverer},
        ),
    )
    one = wrapped()
    fields = [*reply_fields(one.token), ("In-Reply-To", f" <{NOTIFICATION}>"), ("References", f" <{one.capsule}>")]
    host.mailbox.append(delivered(one.address, fields))
    host.look()
    (got,) = host.hook.deliverer.replies
    assert (host.verdicts, got.envelope.recipient) == (["delivered"], NATIVE)
    assert one.address.encode() not in got.envelope.message
    assert b"Delivered-To" not in got.envelope.message
