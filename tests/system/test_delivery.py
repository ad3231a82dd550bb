"""The delivery hook behind a real Postfix: what accepted replies meet, and that none is lost, doubled or bounced."""

import contextlib
import json
import os
import re
import signal
import smtplib
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.delivery_site import HOOKED, DeliverySite
from tests.support.hosts.receiver import SECRET, Misbehaviour, Receiver, drips, hangs, hangs_up, returns_garbage
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import USER, runtime, wait_until

pytestmark = pytest.mark.system

ALICE = "alice@client.example"
JANE = "jane@example.com"


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """A host whose hook posts to a receiver, and parks what comes from elsewhere than expected."""
    more = '[delivery.confirm]\nsmtp = "inet:SMTP@127.0.0.1"\n'
    running = DeliverySite(more)
    running.site.replace_in_settings("SMTP", str(running.site.mta.port))
    running.site.replace_in_settings('mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"')
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def receiver(host: DeliverySite) -> Receiver:
    """The application, well-behaved and with no memory of other tests."""
    host.receiver.calls.clear()
    host.receiver.posts.clear()
    host.receiver.answer = 204
    return host.receiver


def minted(host: DeliverySite, name: str) -> MintedAddress:
    """An address for Alice to answer to."""
    return host.site.mint(locator=f"delivery/{name}", recipient=ALICE)


def send(site: Site, address: MintedAddress, name: str, *more: str, body: str = "") -> None:
    """A reply that the milter takes."""
    heard = site.send([f"<{address.address}>"], reply(address, name, *more, body=body))
    assert heard.startswith("250"), heard


def command(site: Site, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """A command of ours, as root would run it."""
    argv = [sys.executable, "-m", "reply_milter", *arguments, "--config", str(site.config)]
    return subprocess.run(argv, capture_output=True, input=given, timeout=30)


def answer(site: Site, *arguments: str) -> Any:
    """The JSON that a command writes."""
    done = command(site, *arguments, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def delivered(host: DeliverySite, outcome: str, handler: str = "issue") -> float:
    """What the metrics count."""
    series = f'reply_milter_deliveries_total{{handler="{handler}",outcome="{outcome}"}}'
    return host.site.metrics().get(series, 0)


def test_a_reply_reaches_the_application(host: DeliverySite, receiver: Receiver) -> None:
    """User, context, text and id; the claim is committed, so that a replay is refused as such."""
    address = minted(host, "plain")
    send(
        host.site, address, "plain", body="I agree.\r\n\r\nOn Mon, 23 Nov 2026 at 10:00, Shop wrote:\r\n> Do you agree?"
    )
    host.posted(1)
    (call,) = receiver.calls
    members: dict[str, Any] = call.json
    assert members["Reply"]["user"] == 42
    assert members["Reply"]["locator"] == "delivery/plain"
    assert members["Reply"]["context"] == str(address.token.context)
    assert members["StrippedTextReply"].strip() == "I agree."
    host.site.settled(address, 1)
    again = host.site.send(
        [f"<{address.address}>"],
        reply(address, "plain", body="I agree.\r\n\r\nOn Mon, 23 Nov 2026 at 10:00, Shop wrote:\r\n> Do you agree?"),
    )
    assert again.startswith("550 5.7.1 This message was already received")
    host.delivered()
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("misbehaviour", [500, 503, 302, 401, hangs, returns_garbage, drips, hangs_up])
def test_an_application_in_trouble_loses_nothing(
    host: DeliverySite, receiver: Receiver, misbehaviour: int | Misbehaviour
) -> None:
    """The MTA keeps the reply, and the same id comes until it is taken."""
    receiver.answer = misbehaviour
    name = f"trouble-{getattr(misbehaviour, '__name__', misbehaviour)}"
    address = minted(host, name)
    send(host.site, address, name)
    wait_until(lambda: len(receiver.calls) >= 1, 15, "a first try")
    receiver.answer = 204
    host.posted(1)
    host.delivered()
    assert len(receiver.posts) == 1
    assert list(receiver.posts.values()) == [1]
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1


def test_what_the_application_never_takes_is_a_dead_letter(host: DeliverySite, receiver: Receiver) -> None:
    """No bounce; an operator has it delivered when the application has changed its mind."""
    receiver.answer = 422
    address = minted(host, "never")
    send(host.site, address, "never")
    wait_until(lambda: bool(answer(host.site, "deadletter", "list")), 15, "a dead letter")
    host.delivered()
    assert not host.site.mta.people.is_dir() or not list((host.site.mta.people / "new").glob("*"))
    (letter,) = answer(host.site, "deadletter", "list")
    assert (letter["reason"], letter["detail"]) == ("refused", "the webhook answered 422")
    assert (letter["handler"], letter["user"], letter["sender"]) == ("issue", 42, ALICE)
    shown = command(host.site, "deadletter", "show", letter["id"])
    assert b"This is never." in shown.stdout
    still = command(host.site, "deadletter", "retry", letter["id"])
    assert still.returncode == os.EX_DATAERR
    assert b"not delivered; the dead letter is kept: refused the webhook answered 422" in still.stderr
    receiver.answer = 204
    assert command(host.site, "deadletter", "retry", letter["id"]).returncode == 0
    assert list(receiver.posts) == [letter["id"]]
    assert answer(host.site, "deadletter", "list") == []
    assert host.site.metrics()['reply_milter_dead_letters_total{reason="refused"}'] >= 1


def test_mail_without_a_seal_is_kept_and_nobody_posts_it(host: DeliverySite, receiver: Receiver) -> None:
    """Handed in past the milter: 250 to the MTA, a dead letter, an error in the log, and no bounce to its sender."""
    address = minted(host, "past")
    forged = b"X-Reply-Verdict: v=1; result=pass; reason=ok; id=" + b"a" * 26 + b"; user=1; seal=" + b"a" * 26 + b"\n"
    for head in (b"", forged, forged + forged):
        text = head + f"From: {JANE}\nTo: {address.address}\nSubject: past\n\nLet me in\n".encode()
        assert host.site.postfix.sendmail(["-f", JANE, address.address], text).returncode == 0
    wait_until(lambda: len(answer(host.site, "deadletter", "list")) == 3, 15, "three dead letters")
    host.delivered()
    letters = answer(host.site, "deadletter", "list")
    assert {letter["reason"] for letter in letters} == {"seal_missing", "seal_broken", "seal_doubled"}
    assert {letter["user"] for letter in letters} == {None}
    assert receiver.calls == []
    assert delivered(host, "dead_letter", "") == 3
    assert "error reply-milter" in host.site.daemon.log()
    for letter in letters:
        (Path(host.site.settings.config.state_dir) / f"dead-letters/{letter['id']}.json").unlink()


def test_a_killed_hook_delivers_once(host: DeliverySite, receiver: Receiver) -> None:
    """While it asks the application, the MTA retries."""
    receiver.answer = hangs
    address = minted(host, "killed")
    send(host.site, address, "killed")
    wait_until(lambda: len(receiver.calls) == 1, 15, "a first try")
    hook = [line for line in host.site.daemon.log().splitlines() if "started worker delivery0" in line][-1]
    os.kill(int(hook.rpartition(" ")[2]), signal.SIGKILL)
    receiver.answer = 204
    host.posted(1)
    host.delivered()
    assert list(receiver.posts.values()) == [1]


def question(host: DeliverySite, subject: str) -> Any:
    """The mail in which the user on file is asked."""

    def found() -> list[bytes]:
        texts = [path.read_bytes() for path in (host.site.mta.people / "new").glob("*")]
        return [text for text in texts if b"Is this reply yours?" in text and subject.encode() in text]

    wait_until(lambda: bool(found()), 15, "a question")
    return message_from_bytes(found()[0])


def park(host: DeliverySite, name: str) -> MintedAddress:
    """A reply to Alice's address from somewhere else."""
    address = minted(host, name)
    message = reply(address, name, f"Subject: about {name}").replace(
        b"From: alice@client.example", b"From: " + JANE.encode()
    )
    heard = host.site.send([f"<{address.address}>"], message)
    assert heard.startswith("250"), heard
    wait_until(
        lambda: any(one["subject"] == f"about {name}" for one in answer(host.site, "parked", "list")), 15, "parked"
    )
    return address


def test_a_parked_reply_is_released_by_its_user(host: DeliverySite, receiver: Receiver) -> None:
    """The user on file is asked by mail, answers it, and only then it is posted: in the user's name."""
    assert (
        command(host.site, "user", "set", "42", "--address", ALICE.replace("client.example", "example.com")).returncode
        == 0
    )
    on_file = "alice@example.com"
    address = park(host, "released")
    asked = question(host, "about released")
    assert asked["To"] == on_file
    assert receiver.calls == []
    assert host.site.metrics()["reply_milter_parked"] == 1
    text = (
        f"From: {on_file}\r\nMessage-ID: <yes@x>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
        f"In-Reply-To: {asked['Message-ID']}\r\n\r\nYes.\r\n"
    )
    wrong = host.site.send([f"<{asked['Reply-To'].strip()}>"], text.replace(on_file, "eve@example.net").encode())
    assert wrong.startswith("550 5.7.1 Reply from the address that the notification"), wrong
    away = text.replace("Message-ID", "Auto-Submitted: auto-replied\r\nMessage-ID").replace("yes@x", "away@x")
    assert host.site.send([f"<{asked['Reply-To'].strip()}>"], away.encode()).startswith("250")
    assert receiver.calls == []
    assert host.site.send([f"<{asked['Reply-To'].strip()}>"], text.encode()).startswith("250")
    host.posted(1)
    (call,) = receiver.calls
    members: dict[str, Any] = call.json
    assert (members["Reply"]["user"], members["Reply"]["reason"]) == (42, "sender_mismatch")
    assert members["From"] == JANE
    assert answer(host.site, "parked", "list") == []
    host.site.settled(address, 1)
    host.delivered()
    assert command(host.site, "user", "remove", "42").returncode == 0  # what is on file counts alone


def test_an_operator_releases_and_discards(host: DeliverySite, receiver: Receiver) -> None:
    """By the id that the list shows; what is discarded never comes."""
    park(host, "first")
    park(host, "second")
    first, second = sorted(answer(host.site, "parked", "list"), key=lambda one: str(one["subject"]))
    shown = command(host.site, "parked", "show", first["id"])
    assert b"This is first." in shown.stdout
    assert (first["user"], first["reason"], first["from"]) == (42, "sender_mismatch", JANE)
    assert answer(host.site, "parked", "discard", second["id"]) == {"id": second["id"], "discarded": True}
    assert answer(host.site, "parked", "release", first["id"]) == {"id": first["id"], "released": True}
    assert list(receiver.posts) == [first["id"]]
    gone = command(host.site, "parked", "release", first["id"])
    assert gone.returncode == os.EX_DATAERR
    assert gone.stderr.decode().count("\n") == 1


def lmtp(host: DeliverySite) -> smtplib.LMTP:
    """A conversation with the hook."""
    client = smtplib.LMTP(local_hostname="mx.example.com", timeout=20)
    client.connect(f"{host.site.mta.socket_folder}/lmtp.sock", 0)
    client.ehlo_or_helo_if_needed()
    return client


def test_no_message_is_answered_5xx(host: DeliverySite, receiver: Receiver) -> None:
    """Postfix would return a 5xx to the sender: endless lines, odd octets and odd addresses are kept, or retried."""
    with lmtp(host) as client:
        assert "size" not in client.esmtp_features
        assert {"smtputf8", "8bitmime"} <= set(client.esmtp_features)
        for sender in ("", "jürgen@exämple.com", "a" * 300 + "@example.com", '"a b"@example.com'):
            for body in (b"", b"\x00\xff\xfe", b"x" * 200_000, b"." * 50, b"\r" * 10 + b"\n"):
                client.rset()
                options = ["SMTPUTF8"] if not sender.isascii() else []
                codes = [client.mail(sender, options)[0], client.rcpt("reply+x@reply.example.com")[0]]
                codes += [client.data(body)[0]] if codes == [250, 250] else []
                assert all(200 <= code < 500 for code in codes), (sender, body[:20], codes)
    assert receiver.calls == []


def test_a_message_with_two_recipients_gets_two_answers(host: DeliverySite) -> None:
    """RFC 2033 section 4.2."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        raw.connect(f"{host.site.mta.socket_folder}/lmtp.sock")
        stream = raw.makefile("rwb")
        stream.readline()
        for line in (
            "LHLO x",
            "MAIL FROM:<>",
            "RCPT TO:<reply+a@reply.example.com>",
            "RCPT TO:<reply+b@reply.example.com>",
        ):
            stream.write(f"{line}\r\n".encode())
            stream.flush()
            while stream.readline()[3:4] == b"-":
                pass
        stream.write(b"DATA\r\n")
        stream.flush()
        assert stream.readline().startswith(b"354")
        stream.write(b"Subject: two\r\n\r\nx\r\n.\r\n")
        stream.flush()
        assert [stream.readline()[:3] for _ in range(2)] == [b"250", b"250"]
        stream.close()


def test_settings_of_the_hook_reload(host: DeliverySite, receiver: Receiver) -> None:
    """Another secret, in the midst of it."""
    config = host.site.config
    good = config.read_text()
    config.write_text(good.replace(SECRET, f"whsec_{'A' * 32}"))
    host.site.daemon.reload()
    address = minted(host, "reloaded")
    send(host.site, address, "reloaded")
    wait_until(lambda: "the webhook answered 401" in host.site.daemon.log(), 15, "a refusal of the signature")
    config.write_text(good)
    host.site.daemon.reload()
    host.posted(1)
    assert list(receiver.posts.values()) == [1]


def test_deliver_ends_with_0_or_75(host: DeliverySite) -> None:
    """Postfix returns a message for anything else."""
    kept = command(
        host.site, "deliver", "--from", ALICE, "--rcpt", "reply+x@reply.example.com", given=b"Subject: x\n\ny\n"
    )
    assert kept.returncode == 0, kept.stderr
    assert any(letter["recipient"] == "reply+x@reply.example.com" for letter in answer(host.site, "deadletter", "list"))
    good = str(host.site.config)
    for words in (
        ["--config", "/nowhere"],
        ["--config", str(host.site.folder / "etc/keys.toml")],
        ["--config", good, "--from", "-x@example.org"],
        ["--config", good, "--sender=a@example.org"],
        ["--config", good, "a@example.org"],
        ["--config"],
    ):
        argv = [sys.executable, "-m", "reply_milter", "deliver", *words]
        done = subprocess.run(argv, capture_output=True, input=b"x", timeout=30)
        assert done.returncode == os.EX_TEMPFAIL, words
        assert done.stderr.count(b"\n") == 1, done.stderr


@pytest.fixture
def piped() -> Iterator[DeliverySite]:
    """contrib/postfix/reply-pipe.master.cf, and no LMTP service."""
    layout = replace(
        HOOKED, main_cf=("reply-domain.main.cf", "shared-smtpd.main.cf"), master_cf=("reply-pipe.master.cf",)
    )
    running = DeliverySite('[delivery.confirm]\nsmtp = "inet:SMTP@127.0.0.1"\n', layout=layout)
    site = running.site
    site.replace_in_settings("SMTP", str(site.mta.port))
    site.replace_in_settings('mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"')
    site.config.write_text(re.sub(r"(?m)^listen = .*lmtp.*$", 'listen = ""', site.config.read_text()))
    program = site.folder / "reply-milter"
    python, path = runtime()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {python} -m reply_milter "$@" --config {site.config}\n')
    program.chmod(0o755)
    master = site.postfix.folder / "etc/master.cf"
    fragment = master.read_text().replace("/opt/reply-milter/bin/reply-milter", str(program))
    master.write_text(fragment.replace("user=reply-milter", f"user={USER}"))
    try:
        yield running.start()
    finally:
        running.stop()


def test_the_hook_as_a_pipe(piped: DeliverySite) -> None:
    """The same by a process for each message."""
    address = minted(piped, "piped")
    send(piped.site, address, "piped")
    piped.posted(1)
    piped.delivered()
    (call,) = piped.receiver.calls
    assert call.json["From"] == ALICE
    piped.site.settled(address, 1)


def test_a_pipe_looks_after_what_is_parked(piped: DeliverySite) -> None:
    """Users are asked, and time discards, although no process waits for it: whenever a message comes."""
    on_file = ("--address", "alice@example.com", "--address", ALICE)
    assert command(piped.site, "user", "set", "42", *on_file).returncode == 0
    park(piped, "piped-parked")
    assert question(piped, "about piped-parked")["To"] == "alice@example.com"
    with contextlib.closing(sqlite3.connect(piped.site.folder / "state/delivery/deliveries.sqlite")) as record:
        record.execute("UPDATE parked SET until = 1")
        record.commit()
    send(piped.site, minted(piped, "later"), "later")
    piped.posted(1)
    wait_until(lambda: answer(piped.site, "parked", "list") == [], 15, "time discards it")


def test_in_observe_mode_what_enforce_takes_is_committed_whoever_takes_it() -> None:
    """The hook commits what it delivers; what would be parked, or came beside another, the milter commits."""
    running = DeliverySite()
    running.site.replace_in_settings('mode = "enforce"', 'mode = "observe"')
    try:
        site = running.start().site
        parked = site.mint("lenient", locator="observe/1", recipient="bob@client.example")
        accepted, first, second = (site.mint(locator=f"observe/{number}") for number in (2, 3, 4))
        sent = [([parked], "parked"), ([accepted], "accepted"), ([first, second], "beside")]
        for to, name in sent:
            heard = site.send([f"<{minted.address}>" for minted in to], reply(to[0], name))
            assert heard.startswith("250"), heard
        running.posted(1)
        for minted in (parked, accepted, first):
            site.settled(minted, 1)
        assert site.on_record(second) == {}
        assert sum(running.receiver.posts.values()) == 1
    finally:
        running.stop()
