"""Replies to wrapped addresses: the application gets its own address back, or the reply is a dead letter as it came."""

from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.delivery import payload
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.core.verdict.destination import Command
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping.pattern import parse
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.wrap import Road
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.parking import maintain_parking, release
from reply_milter.ports.delivery import Progress
from reply_text.syntax.message_file import split
from tests.support.fakes import ISSUE, NOW
from tests.support.hostile_headers import AUTHOR, KEY, ORIGINAL, WRAPPED
from tests.support.hosts.hooked import CONFIRM, ID, Hooked, hooked, sealed
from tests.support.wrapped import (
    GITEA,
    GITEA_HANDLER,
    GITEA_PLAIN,
    MESSAGE,
    REDMINE_HANDLER,
    REDMINE_PLAIN,
    sealed_for,
)

_REPLY = sealed_for(GITEA_HANDLER, GITEA_PLAIN)


def with_handlers(hook: Hooked, *handlers: Handler) -> Hooked:
    """The hook with these settings, and one script for all handlers."""
    rules = replace(hook.service.rules, handlers=Handlers.of([ISSUE, CONFIRM, *handlers]))
    deliverers = dict.fromkeys(("issue", "gitea", "redmine"), hook.deliverer)
    return replace(hook, service=replace(hook.service, rules=rules, deliverers=deliverers))


@pytest.fixture
def hook(tmp_path: Path) -> Hooked:
    """With two applications that are wrapped."""
    return with_handlers(hooked(tmp_path), GITEA_HANDLER, REDMINE_HANDLER)


def given(hook: Hooked) -> Envelope:
    """The one thing that the handler got."""
    (reply,) = hook.deliverer.replies
    return reply.envelope


def test_the_application_gets_its_own_address_and_nothing_of_ours(hook: Hooked) -> None:
    """Envelope, message and what was read of it."""
    assert deliver(hook.service, _REPLY) == Done()
    (reply,) = hook.deliverer.replies
    assert (reply.envelope.sender, reply.envelope.recipient) == ("bob@example.net", ORIGINAL)
    assert f"To: {ORIGINAL}\r\n".encode() in reply.envelope.message
    assert [person.address for person in reply.content.to] == [ORIGINAL]
    header, body = split(reply.envelope.message)
    assert body == split(MESSAGE)[1]
    assert not {"x-reply-verdict", "return-path"} & {name.lower() for name, _ in header}
    assert WRAPPED.encode() not in reply.envelope.message
    assert hook.service.ledger.entry(ID).progress is Progress.DONE


def test_every_try_gives_the_same_octets(hook: Hooked) -> None:
    """An application that tells by a digest what it has already is not fooled by the time of a retry."""
    hook.deliverer.script = [Later("busy"), Done()]
    assert deliver(hook.service, _REPLY) == Later("busy")
    hook.clock.time += 900
    assert deliver(hook.service, _REPLY) == Done()
    first, second = hook.deliverer.replies
    assert first.envelope == second.envelope


def test_a_reply_that_was_never_wrapped_stays_as_it_came(hook: Hooked) -> None:
    """For the handlers beside it."""
    assert deliver(hook.service, sealed()) == Done()
    assert given(hook) == sealed()


_NO_WRAP = replace(GITEA_HANDLER, wrap=None)
_OTHER = replace(GITEA_HANDLER, wrap=replace(GITEA, address=parse("other+{key}@git.example.com", KEY)))


@pytest.mark.parametrize(
    ("handler", "envelope", "words"),
    [
        (_NO_WRAP, _REPLY, "its handler has no [handler.wrap] now"),
        (_OTHER, _REPLY, "the original address is none that its handler's settings name now"),
        (
            GITEA_HANDLER,
            sealed_for(GITEA_HANDLER, GITEA_PLAIN, sealed_with=b"x" * 32),
            "the verdict has no original that a seal key opens",
        ),
        (
            GITEA_HANDLER,
            sealed_for(GITEA_HANDLER, GITEA_PLAIN, without=("original", "class")),
            "the verdict has no original that a seal key opens",
        ),
        (
            GITEA_HANDLER,
            sealed_for(REDMINE_HANDLER, GITEA_PLAIN, handler="gitea"),
            "the verdict has no original that a seal key opens",
        ),
        (
            GITEA_HANDLER,
            sealed_for(GITEA_HANDLER, GITEA_PLAIN, MESSAGE.replace(b"Subject: ", b"Subject: a\rTo: ")),
            "a control character stands in its header",
        ),
        (
            GITEA_HANDLER,
            sealed_for(GITEA_HANDLER, Plain("incoming+x-issue@git.example.com", AUTHOR)),
            "the original address is none that its handler's settings name now",
        ),
        (
            GITEA_HANDLER,
            sealed_for(GITEA_HANDLER, GITEA_PLAIN, road=Road.OPEN),
            "the original address is none that its handler's settings name now",
        ),
        (
            REDMINE_HANDLER,
            sealed_for(REDMINE_HANDLER, REDMINE_PLAIN._replace(thread=None)),
            "the original address is none that its handler's settings name now",
        ),
    ],
)
def test_what_cannot_be_restored_is_a_dead_letter_as_it_came(
    tmp_path: Path, handler: Handler, envelope: Envelope, words: str
) -> None:
    """Nothing reaches the application, its claim is committed, and an operator finds why."""
    hook = with_handlers(hooked(tmp_path), handler)
    assert deliver(hook.service, envelope) == Never(f"unrestorable {words}")
    (letter,) = hook.service.dead_letters.all()
    assert (letter.reason, letter.detail, letter.recipient) == (Undeliverable.UNRESTORABLE, words, WRAPPED)
    assert hook.service.dead_letters.message(ID) == envelope.message
    assert hook.deliverer.replies == []
    assert hook.store.calls == ["commit"]


def test_a_retried_dead_letter_is_restored_by_the_settings_of_then(tmp_path: Path) -> None:
    """An operator who has corrected them delivers it."""
    hook = with_handlers(hooked(tmp_path), _OTHER)
    deliver(hook.service, _REPLY)
    mended = with_handlers(hook, GITEA_HANDLER)
    assert deliver(mended.service, _REPLY, retry=True) == Done()
    assert given(mended).recipient == ORIGINAL


def test_a_dead_letter_of_the_application_holds_what_came(hook: Hooked) -> None:
    """Not what was restored: it could not be delivered again."""
    hook.deliverer.script = [Never("no such thread")]
    deliver(hook.service, _REPLY)
    assert hook.service.dead_letters.message(ID) == _REPLY.message


def test_parked_mail_stays_as_it_came_and_is_restored_when_it_is_released(hook: Hooked) -> None:
    """The question goes to the recipient of the notification; nobody is on file for a number that stands for one."""
    parked = sealed_for(GITEA_HANDLER, GITEA_PLAIN._replace(recipient="carol@example.net"), result="park")
    assert deliver(hook.service, parked) == Done()
    assert [to for to, _ in hook.mail_sender.sent] == ["carol@example.net"]
    assert hook.service.parking.message(ID) == parked.message
    (waiting,) = hook.service.parking.all()
    assert release(hook.service, waiting) == Done()
    assert given(hook).recipient == ORIGINAL
    assert b"X-Reply-Verdict" not in given(hook).message


def test_a_parked_reply_whose_seal_key_is_gone_asks_nobody(hook: Hooked) -> None:
    """It waits for the key, or for its days to be over."""
    parked = sealed_for(GITEA_HANDLER, GITEA_PLAIN, sealed_with=b"x" * 32, result="park")
    assert deliver(hook.service, parked) == Done()
    assert hook.mail_sender.sent == []
    assert hook.told.unasked == ["no seal key opens whom the notification went to, or none did"]
    hook.clock.time += 8 * 86400
    maintain_parking(hook.service)
    assert hook.service.parking.all() == []


def test_nobody_is_asked_about_mail_that_answers_no_notification(hook: Hooked) -> None:
    """An operator decides about it, or time does."""
    plain = Plain("incoming+demo-issue@git.example.com", "")
    deliver(hook.service, sealed_for(GITEA_HANDLER, plain, road=Road.OPEN, result="park"))
    assert hook.mail_sender.sent == []
    assert len(hook.told.unasked) == 1


def test_reply_addresses_in_what_was_restored_are_removed_where_the_destination_says_so(tmp_path: Path) -> None:
    """``redact`` works on the restored message, which has the application's own address in To."""
    quoting = sealed_for(GITEA_HANDLER, GITEA_PLAIN, MESSAGE + b"> reply+" + b"a" * 58 + b"@reply.test\r\n")
    handler = replace(GITEA_HANDLER, destination=Command(("/bin/true",), redact=True))
    hook = with_handlers(hooked(tmp_path), handler)
    assert deliver(hook.service, quoting) == Done()
    assert b"reply+xxxxxxx" in given(hook).message
    assert f"To: {ORIGINAL}\r\n".encode() in given(hook).message


def test_mail_that_came_without_a_token_is_restored_as_well(hook: Hooked) -> None:
    """To an open address."""
    plain = Plain("incoming+demo-issue@git.example.com", "")
    opened = sealed_for(GITEA_HANDLER, plain, road=Road.OPEN, user="0", context="0")
    assert deliver(hook.service, opened) == Done()
    (reply,) = hook.deliverer.replies
    assert (reply.user, reply.context, reply.envelope.recipient) == (0, 0, plain.original)


def test_json_and_environment_name_the_class_and_the_address(hook: Hooked) -> None:
    """And neither holds ours; other replies look as they did."""
    deliver(hook.service, _REPLY)
    deliver(hook.service, sealed(id="b" * 26))
    wrapped, other = hook.deliverer.replies
    found = payload.members(wrapped)
    assert (found["OriginalRecipient"], found["To"]) == (ORIGINAL, ORIGINAL)
    assert {"class", "recipient"} & payload.members(other)["Reply"].keys() == set()  # type: ignore[attr-defined]
    assert WRAPPED not in payload.write(wrapped).decode()
    told = payload.variables(wrapped)
    assert (told["REPLY_CLASS"], told["REPLY_RECIPIENT"]) == ("wrapped", ORIGINAL)


def test_the_time_in_received_is_that_of_the_first_try(hook: Hooked) -> None:
    """As said above, of a message that is tried for hours."""
    deliver(hook.service, _REPLY)
    assert hook.service.ledger.entry(ID).first_tried == NOW
    assert b"Thu, 01 Jan 2026 00:00:00 -0000\r\n" in given(hook).message
