"""What is sent to a wrapped application and is no answer to its notification: refused at SMTP time, or harmless."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
import redis

from reply_milter.adapters.redis_store.names import original_key
from reply_milter.core.token import token
from reply_milter.core.token.token import TokenText
from reply_milter.core.wrapping import outward_minting
from reply_milter.core.wrapping.plain import Plain
from reply_milter.wiring.stores import store_url
from tests.support.hosts.wrapping_site import ADDRESSES, WrappingSite
from tests.support.mail_programs import Answer, new_id, ours, value_of
from tests.support.notifications import Case, handmade, key_of
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

EVE = "eve@example.com"
INVALID = "550 5.7.1 This reply address is not valid"
EXPIRED = "550 5.7.1 This reply address expired"
RECEIVED = "550 5.7.1 This message was already received"
NATIVE = "550 5.7.1 Answer the notification that you got; your answer to its own address is enough"
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def host() -> Iterator[WrappingSite]:
    """A host where a notification of each application has left already."""
    running = WrappingSite(wraps=("gitea", "discourse", "moodle", "zulip", "redmine"))
    try:
        running.start()
        for name in ("gitea", "discourse", "moodle", "zulip", "redmine"):
            notified(running, name)
        yield running
    finally:
        running.stop()


@dataclass(frozen=True)
class Notified:
    """A notification that left. ``address`` of ours in it."""

    case: Case
    left: bytes

    @property
    def address(self) -> str:
        """Of ours, in it."""
        return ours(self.left)

    def answer(self, program: str = "plain", author: str = "") -> Answer:
        """What a mail program makes of it."""
        return Answer(self.left, author or self.case.recipient, program)


def notified(host: WrappingSite, application: str = "discourse", recipient: str = "") -> Notified:
    """One that nobody else has; by default its recipient is also nobody else's."""
    number = next(_NUMBERS)
    case = handmade(application, name=f"refused {number}", recipient=recipient or f"user{number}@client.example")
    code, text = host.submit(case.message, [case.recipient], sender=case.sender)
    assert code == 250, text
    return Notified(case, host.world.with_text(case.name)[-1].message)


def send(host: WrappingSite, answer: Answer, to: str = "", message: bytes = b"", sender: str = "") -> str:
    """Send an answer, or ``message`` instead; what the client heard."""
    envelope = "<>" if sender == "<>" else f"<{sender or answer.author}>"
    return host.site.send([f"<{to or answer.to}>"], message or answer.message, sender=envelope)


def text_of(host: WrappingSite, address: str) -> TokenText:
    """The token of an address of ours."""
    form = host.site.settings.config.form
    read = token.parse(form.token_text(address.partition("@")[0]), form.checksum_length)
    assert read is not None
    return read


def token_id(host: WrappingSite, address: str) -> str:
    """Its name in the store."""
    read, keyring = text_of(host, address), host.site.settings.keyring
    return keyring.minting_key(read.token.user).token_id(read.text)


def command(host: WrappingSite, *arguments: str) -> str:
    """A command of ours, as root would run it."""
    argv = [sys.executable, "-m", "reply_milter", *arguments, "--config", str(host.site.config)]
    done = subprocess.run(argv, capture_output=True, timeout=30, cwd="/", check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def got(host: WrappingSite, text: str) -> list[bytes]:
    """What the applications got of it, when nothing is on its way any more."""
    wait_until(lambda: not host.site.mta.queue(), 30, "an empty queue")
    return [one.message for one in host.applications.taken if text.encode() in one.message]


def refused(host: WrappingSite, heard: str, words: str, answer: Answer) -> None:
    """The client heard ``words``, and the application nothing."""
    assert heard.startswith(words), heard
    assert got(host, answer.identifier) == []


def minted_before(host: WrappingSite, days: float, application: str = "discourse") -> Notified:
    """A notification that left some days ago, as far as its address and its capsule say."""
    settings, case = host.site.settings, handmade(application, name=f"old {next(_NUMBERS)}")
    handler = settings.config.handlers.named(application)
    assert handler is not None
    issued = int(time.time() - 86400 * days)
    plain = Plain(case.native, case.recipient)
    minted = outward_minting.mint(plain, handler, True, issued, settings.keyring, settings.config.form)
    lines = [f"Reply-To: {minted.address}", "Message-ID: <old@app.example>", f"References: <{minted.capsule}>"]
    return Notified(case, "\r\n".join([*lines, "", ""]).encode())


def test_a_forged_address(host: WrappingSite) -> None:
    """One letter is another."""
    one = notified(host)
    local, _, domain = one.address.partition("@")
    for position in (8, 20, -1):
        letters = list(local)
        letters[position] = "b" if letters[position] != "b" else "c"
        refused(host, send(host, one.answer(), to=f"{''.join(letters)}@{domain}"), INVALID, one.answer())


def test_an_expired_address(host: WrappingSite) -> None:
    """With the date; a younger one of the same making is good."""
    old = minted_before(host, 400)
    refused(host, send(host, old.answer()), EXPIRED, old.answer())
    young = minted_before(host, 5).answer()
    assert send(host, young).startswith("250") and got(host, young.identifier)


def test_a_replayed_answer(host: WrappingSite) -> None:
    """Under the same Message-ID or another, with the same text or another."""
    one = notified(host)
    first = one.answer()
    assert send(host, first).startswith("250")
    assert len(got(host, first.identifier)) == 1
    again = new_id(first.message)
    other = first.message.replace(b"Yes, do.", b"No, don't.")
    for message in (first.message, again, other):
        assert send(host, first, message=message).startswith(RECEIVED)
    assert len(got(host, first.identifier)) == 1
    assert got(host, value_of(again, "message-id")) == []


@pytest.mark.parametrize("what", ["token", "user", "object", "before"])
def test_a_revoked_address(host: WrappingSite, what: str) -> None:
    """By each way to revoke: the user is the notification's recipient, the object is what the address stands for."""
    one = minted_before(host, 8) if what == "before" else notified(host)
    other = minted_before(host, 5) if what == "before" else notified(host)
    made = text_of(host, one.address).token
    arguments = {
        "token": ("token", one.address),
        "user": ("user", "--wrapped", str(made.user)),
        "object": ("object", "discourse", str(made.context)),
        "before": ("before", str(int(time.time()) - 7 * 86400)),
    }
    command(host, "revoke", *arguments[what])
    refused(host, send(host, one.answer()), INVALID, one.answer())
    answer = other.answer()
    assert send(host, answer).startswith("250") and got(host, answer.identifier), "another one is as good as before"


def test_anothers_capsule(host: WrappingSite) -> None:
    """Of the same recipient, too: an address answers its own notification."""
    one = notified(host, recipient="both@client.example")
    other = notified(host, recipient="both@client.example")
    refused(host, send(host, one.answer(), to=other.address), "550 5.7.1 This address answers another", one.answer())


def _forget_copy(host: WrappingSite, address: str) -> None:
    with redis.Redis.from_url(store_url(host.site.settings.config)) as client:
        assert client.delete(original_key(token_id(host, address))) == 1


@pytest.mark.parametrize("program", ["without References", "without any id", "plain"])
def test_without_capsule_and_without_copy(host: WrappingSite, program: str) -> None:
    """An answer with its capsule needs no store."""
    one = notified(host)
    _forget_copy(host, one.address)
    answer = one.answer(program)
    if program == "plain":
        assert send(host, answer).startswith("250") and got(host, answer.identifier)
    else:
        refused(host, send(host, answer), "550 5.7.1 Answer the notification itself", answer)


@pytest.mark.parametrize("application", ["discourse", "gitea", "redmine"])
def test_the_bare_address_without_any_id(host: WrappingSite, application: str) -> None:
    """Although the store has a copy: who knows the address alone has half of what is needed."""
    answer = notified(host, application).answer("without any id")
    refused(host, send(host, answer), "550 5.7.1 Answer the notification itself", answer)


def test_an_invented_or_another_id_is_no_second_factor(host: WrappingSite) -> None:
    """A mail program names the notification, and nobody else can."""
    one, other = notified(host), notified(host)
    for name in ("<guessed@discourse.example.com>", value_of(other.left, "message-id")):
        answer = one.answer("without any id")
        message = f"In-Reply-To: {name}\r\n".encode() + answer.message
        refused(host, send(host, answer, message=message), "550 5.7.1 Answer the notification itself", answer)


def test_another_author(host: WrappingSite) -> None:
    """The address and the whole notification were forwarded."""
    answer = notified(host).answer(author=EVE)
    refused(host, send(host, answer), "550 5.7.1 Reply from the address that the notification was sent to", answer)


_SPELLED = (
    "<{native}>", "<{mailbox}@{domain}>", "<{mailbox}+anything@{domain}>", "<{mailbox}+@{domain}>", "<{upper}>",
    '<"{local}"@{domain}>', "<@relay.example:{native}>", "<{native}.>", "<{mailbox}@{upper_domain}>",
    '<"{mailbox}"@{domain}>', "<{escaped}@{domain}>", "<{domain}!{local}>", "<{local}%{domain}>",
    "<{local}%{domain}@mx.example.com>", "<{native}@mx.example.com>",
)  # fmt: skip


@pytest.mark.parametrize("spelled", _SPELLED)
@pytest.mark.parametrize("application", ["gitea", "discourse", "moodle", "zulip", "redmine"])
def test_a_native_address(host: WrappingSite, application: str, spelled: str) -> None:
    """In every spelling that the MTA would deliver; genuine key or not."""
    case = handmade(application, name=f"native {spelled}")
    local, _, domain = case.native.partition("@")
    values = {
        "native": case.native, "local": local, "domain": domain, "upper": case.native.upper(),
        "mailbox": ADDRESSES[application].partition("{key}")[0].partition("@")[0].rstrip("+") or local,
        "upper_domain": domain.upper(), "escaped": "".join(f"\\{letter}" for letter in local[:3]) + local[3:],
    }  # fmt: skip
    mark = f"native {next(_NUMBERS)} {application}"
    message = f"From: {EVE}\r\nTo: {case.native}\r\nSubject: {mark}\r\nMessage-ID: <n@evil.example>\r\n\r\nx\r\n"
    heard = host.site.send([spelled.format(**values)], message.encode(), sender=f"<{EVE}>")
    words: tuple[str, ...] = (
        NATIVE,
        "550 5.1.3",
        "501",
        "553",
        "550 5.1.0",
        "454 4.7.1",
    )  # the last: Postfix relays for nobody
    if application == "zulip" and "+" in spelled:  # with nothing before its key, that is no mailbox of it
        words += ("250", "550")
    assert heard.startswith(words), heard
    assert got(host, mark) == []


def test_a_native_address_is_taken_off_an_answer_to_all(host: WrappingSite) -> None:
    """Before or behind the right one: it arrives once."""
    for order in (1, -1):
        one = notified(host)
        answer = one.answer()
        recipients = [f"<{answer.to}>", f"<{one.case.native}>"][::order]
        heard = host.site.send(recipients, answer.message, sender=f"<{answer.author}>")
        if order == 1:
            assert heard.startswith("250"), heard
            assert len(got(host, answer.identifier)) == 1
        else:
            assert heard.startswith(NATIVE), heard


def test_a_native_address_has_no_other_road(host: WrappingSite) -> None:
    """Refused at the sign socket's port, and by sendmail(1) at the end of the message, whatever seal it claims."""
    notified(host, "gitea")  # from now on native addresses are refused
    case, mark = handmade("gitea", name="past"), f"past-{next(_NUMBERS)}"
    forged = "X-Reply-Verdict: v=1; result=pass; class=native; id=" + "a" * 26 + "; seal=" + "a" * 26 + "\r\n"
    message = f"{forged}From: {EVE}\r\nTo: {case.native}\r\nSubject: {mark}\r\n\r\nx\r\n"
    assert host.relay_in(message.encode(), [case.native], sender=EVE)[0] == 550
    refusals = _refused_at_end(host)
    host.site.postfix.sendmail(["-f", EVE, case.native], message.replace("\r\n", "\n").encode())
    wait_until(lambda: _refused_at_end(host) > refusals, 30, "the refusal of what sendmail(1) took")
    assert got(host, mark) == []


def _refused_at_end(host: WrappingSite) -> int:
    lines = host.site.postfix.log().splitlines()
    return sum("END-OF-MESSAGE" in line and NATIVE.partition(" 5.7.1 ")[2] in line for line in lines)


FOREIGN = (
    ("To", "{native}"), ("Cc", "x <{native}>"), ("Delivered-To", "{native}"), ("X-Original-To", "{native}"),
    ("References", "<reply-{key}@git.example.com>"), ("In-Reply-To", "<reply-{key}@git.example.com>"),
    ("Resent-To", "{native}"), ("Received", "from a by b for <{native}>; Sat, 28 Nov 2026 13:00:00 +0000"),
    ("Sender", "{native}"), ("Envelope-To", "{native}"), ("Message-ID", "<{key}@x.example>"),
    ("References", "=?utf-8?q?=3Creply-{key}=40git=2Eexample=2Ecom=3E?="), ("From", '"{native}" <eve@client.example>'),
    ("To", "=?utf-8?q?{key}?= <x@y.example>"), ("Content-Type", 'text/plain; x="<{native}>"'), ("Date", "{key}"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "value"), FOREIGN)
@pytest.mark.parametrize("road", ["open", "wrapped"])
def test_a_foreign_key_in_a_good_message_is_gone(host: WrappingSite, name: str, value: str, road: str) -> None:
    """Mail to an open address, or a genuine answer, that carries somebody else's key: restored, or refused."""
    key, mark = key_of("gitea", "of a victim"), f"foreign-{next(_NUMBERS)}"
    author = "eve@client.example"
    to = original = "incoming+shop-issue@git.example.com"
    lines = [f"From: {author}", "To: x@y.example", "Message-ID: <f@evil.example>"]
    if road == "wrapped":
        one = notified(host, "gitea", recipient=author)
        answer = one.answer("without References")
        to, original = answer.to, one.case.native
        lines = answer.message.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    line = f"{name}: {value.format(native=f'incoming+{key}@git.example.com', key=key)}"
    head = [line, f"X-Mark: {mark}", *(one for one in lines if not one.startswith(f"{name}:"))]
    heard = host.site.send([f"<{to}>"], "\r\n".join([*head, "", mark, ""]).encode(), sender=f"<{author}>")
    found = got(host, mark)
    if name == "In-Reply-To" and road == "wrapped":  # the notification is no longer named
        assert heard.startswith("550 5.7.1 Answer the notification itself") and not found
        return
    assert heard.startswith("250"), heard
    header = found[0].partition(b"\r\n\r\n")[0].decode()
    assert value_of(found[0], "to") == original and key.lower() not in header.lower(), header
    assert len(found) == 1 and mark not in header


def test_a_bounce_address_takes_reports_alone(host: WrappingSite) -> None:
    """A null sender; else anybody could raise a member's bounce score."""
    to = f"reply+verp-{'0a' * 16}@discourse.example.com"
    for sender, words in ((EVE, NATIVE), ("", "250")):
        mark = f"bounce-{next(_NUMBERS)}"
        message = f"From: mailer@client.example\r\nTo: {to}\r\nSubject: {mark}\r\nMessage-ID: <{mark}@x>\r\n\r\nx\r\n"
        heard = host.site.send([f"<{to}>"], message.encode(), sender=f"<{sender}>")
        assert heard.startswith(words), heard
        assert [value_of(one, "to") for one in got(host, mark)] == ([] if sender else [to])


def test_a_native_address_passes_until_a_wrapped_notification_has_left() -> None:
    """On the day of the change, every good answer is one to a native address. It is restored, too."""
    running = WrappingSite(wraps=("discourse",))
    try:
        running.start()
        case = handmade("discourse", name="first day")
        victim = f"reply+{key_of('discourse', 'victim')}@discourse.example.com"
        lines = [f"From: {EVE}", f"To: {victim}", "Subject: first-day", "Message-ID: <f@evil.example>", "", "x", ""]
        message = "\r\n".join(lines).encode()
        assert running.site.send([f"<{case.native}>"], message, sender=f"<{EVE}>").startswith("250")
        wait_until(lambda: bool(got(running, "first-day")), 30, "it passes")
        (one,) = got(running, "first-day")
        assert value_of(one, "to") == case.native and victim.encode() not in one
        notified(running)
        assert running.site.send([f"<{case.native}>"], message, sender=f"<{EVE}>").startswith(NATIVE)
    finally:
        running.stop()
