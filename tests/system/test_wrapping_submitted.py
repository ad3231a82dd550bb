"""What is handed in at the sign socket beside notifications: left alone, or refused with the reason."""

from collections.abc import Iterator

import pytest

from tests.support.hosts.submission_site import PERSON
from tests.support.hosts.wrapping_site import WrappingSite
from tests.support.mail_programs import ours, value_of
from tests.support.notifications import Case, handmade

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def host() -> Iterator[WrappingSite]:
    """A host with people, a contact form, and an application that submits with its login."""
    running = WrappingSite(wraps=("gitea", "discourse", "zulip"))
    try:
        yield running.start()
    finally:
        running.stop()


def with_lines(case: Case, *lines: str) -> bytes:
    """The notification with more header fields on top."""
    return "".join(f"{line}\r\n" for line in lines).encode() + case.message


def minted(host: WrappingSite) -> float:
    """How many notifications were wrapped."""
    return host.site.metrics()['reply_milter_notifications_total{outcome="wrapped"}']


@pytest.mark.parametrize("who", ["a contact form", "a user of the host", "a person with a login"])
def test_what_others_hand_in_is_left_alone(host: WrappingSite, who: str) -> None:
    """Else a user who knows a native key could have it wrapped for himself, and hide behind our address."""
    case, before = handmade("gitea", name=who), minted(host)
    if who == "a contact form":
        code, text = host.relay_in(case.message, [case.recipient], sender=case.sender)
    elif who == "a user of the host":
        code, text = 250, host.as_nobody(case.message, case.recipient)
        assert text == ""
    else:
        code, text = host.submit(case.message, [case.recipient], login=PERSON, sender=case.sender)
    assert code == 250, text
    (left,) = host.world.with_text(case.name)
    assert left.message.endswith(case.message), "as it came"
    assert minted(host) == before


LARGE = [f"X-Large-{number}: {'x' * 900}" for number in range(300)]
MANY = [f"X-Many: {number}" for number in range(2001)]
REFUSED = {
    "received": (["Received: from a by b; Sat, 28 Nov 2026 12:00:00 +0000"], 1, "5.6.0 gitea: it has a Received"),
    "resent": (["Resent-From: eve@example.com"], 1, "5.6.0 gitea: it has a Received, Delivered-To or Resent-*"),
    "two": ([], 2, "5.5.3 gitea: only one recipient per message"),
    "signed": (["DKIM-Signature: v=1; d=git.example.com; h=From:Reply-To; b=x"], 1, "5.6.0 gitea: a DKIM-Signature"),
    "large": (LARGE, 1, "5.6.0 gitea: its header is too large"),
    "many": (MANY, 1, "5.6.0 gitea: its header is too large"),
    "not granted": (["X-Reply-Mint: handler=forum; user=1; context=7"], 1, "5.6.0 gitea: X-Reply-Mint: the message"),
    "unreadable": (["X-Reply-Mint: nonsense"], 1, "5.6.0 gitea: X-Reply-Mint"),
    "elsewhere": (["X-Custom: {key}"], 1, "5.6.0 gitea: X-Custom holds the application's reply address"),
    "elsewhere encoded": (["X-Custom: =?utf-8?q?{key}?="], 1, "5.6.0 gitea: X-Custom holds"),
    "elsewhere percent": (["X-Custom: <https://x.test/?k=%{first}{rest}>"], 1, "5.6.0 gitea: X-Custom holds"),
    "doubled": (["Message-ID: <other@git.example.com>"], 1, "5.6.0 gitea: a message has at most one message-id"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_notification_that_cannot_be_wrapped_does_not_leave(host: WrappingSite, what: str) -> None:
    """The application hears why; neither its key nor the recipient stands in the answer."""
    lines, recipients, words = REFUSED[what]
    case = handmade("gitea", name=f"refused {what}")
    key = case.keys[0]
    values = {"key": key, "first": f"{ord(key[0]):x}", "rest": key[1:]}
    message = with_lines(case, *(line.format(**values) if "{" in line else line for line in lines))
    code, text = host.submit(message, [case.recipient, "bob@client.example"][:recipients], sender=case.sender)
    assert code == 550 and words in text, text
    assert key not in text and case.recipient not in text
    assert not [one for one in host.world.taken if case.name.encode() in one.message]


def test_a_journal_is_no_recipient(host: WrappingSite) -> None:
    """It gets the wrapped notification, and the address is the other's."""
    case = handmade("gitea", name="journal")
    assert host.submit(case.message, ["journal@example.com", case.recipient], sender=case.sender)[0] == 250
    (left,) = host.world.with_text(case.name)
    assert ours(left.message)
    (copy,) = host.site.arrived("X-Seq", case.name.partition(" ")[2], 1, "people")
    assert copy.values("Reply-To")[0] == value_of(left.message, "reply-to")


def test_a_granted_request_wins(host: WrappingSite) -> None:
    """An application that can ask is one that need not be wrapped; one that may not ask for this is refused."""
    case = handmade("zulip", name="granted")
    refused = with_lines(case, "X-Reply-Mint: handler=forum; user=1; context=7")
    code, text = host.submit(refused, [case.recipient], sender=case.sender)
    assert code == 550 and "may not ask for that handler, forum" in text
    before = minted(host)
    granted = with_lines(case, "X-Reply-Mint: handler=issue; user=1; locator=shop/issue/7")
    code, text = host.submit(granted, [case.recipient], sender=case.sender)
    assert code == 250, text
    (left,) = host.world.with_text(case.name)
    assert ours(left.message) and case.native.encode() not in left.header
    assert minted(host) == before and "outcome=minted handler=issue" in host.site.daemon.log()


def test_other_mail_of_the_application_leaves_as_it_came(host: WrappingSite) -> None:
    """A password to be reset, to two people; a title that a user chose holds a native address."""
    case = handmade("discourse", name="other mail")
    lines = [case.name, f"From: {case.sender}", f"Subject: write to {case.native}", "", "x", ""]
    message = "\r\n".join(lines).encode()
    assert host.submit(message, [case.recipient, "bob@client.example"], sender=case.sender)[0] == 250
    for left in host.world.with_text(case.name):
        assert left.message.endswith(message)


def test_the_application_is_told_and_not_its_reader(host: WrappingSite) -> None:
    """No key in the daemon's log, the mail log, or the metrics."""
    case = handmade("gitea", name="told")
    host.submit(case.message, [case.recipient], sender=case.sender)
    host.world.with_text(case.name)
    for text in (host.site.daemon.log(), host.site.postfix.log(), "".join(host.site.metrics())):
        assert not [key for key in case.keys if key.lower() in text.lower()]
