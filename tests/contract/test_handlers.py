"""The built-in handlers on real programs: what each kind of answer comes to, and that nothing hangs for ever."""

import contextlib
import os
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import getaddresses
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.handlers.plugins import PlugInError, load_plug_in
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.config.destinations import webhook_of
from reply_milter.core.content import Mailbox
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.core.verdict.destination import Command, Format, LmtpRelay, Maildir, PlugIn
from reply_milter.ports.delivery import Deliverer
from tests.support.fakes import FixedClock
from tests.support.hosts.hooked import ID
from tests.support.hosts.receiver import SECRET, Receiver, drips, hangs, hangs_up, returns_garbage
from tests.support.processes.daemon_process import USER, wait_until
from tests.support.processes.ports import free_port

NAMES = HostNames()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An application's endpoint."""
    running = Receiver()
    yield running
    running.close()


def reply() -> Reply:
    """Something to hand over."""
    return sample_reply(ID, int(time.time()))


def now() -> FixedClock:
    """The receiver looks at the time of a signature."""
    return FixedClock(int(time.time()))


def webhook(url: str, **more: object) -> Deliverer:
    """As a configuration would make it."""
    made, problems = webhook_of({"url": url, "secret": SECRET, "timeout_seconds": 1, **more})
    assert not problems
    return deliverer_for(made, now(), NAMES)


def test_a_webhook_takes_json_that_is_signed(receiver: Receiver) -> None:
    """Postmark's members, and ours; the id is webhook-id, MessageID and Reply.id."""
    assert webhook(receiver.url).process(reply()) == Done()
    (call,) = receiver.calls
    assert call.headers["content-type"] == "application/json"
    members = call.json
    ours = members["Reply"]
    assert isinstance(ours, dict)
    assert call.headers["webhook-id"] == members["MessageID"] == ours["id"] == ID
    assert (ours["user"], ours["handler"], ours["context"], ours["locator"]) == (
        0,
        "test-endpoint",
        "0",
        "test/endpoint",
    )
    assert str(members["StrippedTextReply"]).startswith("A test by reply-milter")
    assert "Is this thing on?" not in str(members["StrippedTextReply"])
    assert members["Subject"] == "Re: Is this thing on?"


# Postmark's documentation of its inbound webhook, read in November 2026; RawEmail is an option there.
POSTMARK = {
    "FromName": str, "MessageStream": str, "From": str, "FromFull": dict, "To": str, "ToFull": list, "Cc": str,
    "CcFull": list, "Bcc": str, "BccFull": list, "OriginalRecipient": str, "Subject": str, "MessageID": str,
    "ReplyTo": str, "MailboxHash": str, "Date": str, "TextBody": str, "HtmlBody": str, "StrippedTextReply": str,
    "Tag": str, "Headers": list, "Attachments": list,
}  # fmt: skip


def test_json_has_all_members_of_postmark_s_with_their_types(receiver: Receiver) -> None:
    """Programs that read those into a type of theirs miss none; the address that came is not told."""
    assert webhook(receiver.url).process(reply()) == Done()
    members = receiver.calls[0].json
    assert {name: type(members[name]) for name in POSTMARK} == POSTMARK
    assert members.keys() - POSTMARK.keys() == {"Reply"}
    assert members["OriginalRecipient"] == "redacted@reply.example.com"


def test_a_name_cannot_pass_for_an_address(receiver: Receiver) -> None:
    """In the members that hold several people in one text."""
    handed = reply()
    to = (Mailbox('a" <eve@example.net>, "\\', "jane@example.org"),)
    handed = replace(handed, content=replace(handed.content, to=to))
    assert webhook(receiver.url).process(handed) == Done()
    written = str(receiver.calls[0].json["To"])
    assert [address for _, address in getaddresses([written])] == ["jane@example.org"], written


def test_a_webhook_takes_the_raw_message(receiver: Receiver) -> None:
    """As Rails' Action Mailbox relays it: message/rfc822, and a password in the URL as Basic."""
    url = receiver.url.replace("http://", "http://actionmailbox:secret@")
    handed = reply()
    assert webhook(url, format="raw").process(handed) == Done()
    (call,) = receiver.calls
    assert call.headers["content-type"] == "message/rfc822"
    assert call.headers["authorization"] == "Basic YWN0aW9ubWFpbGJveDpzZWNyZXQ="
    assert call.body == handed.envelope.message


def test_two_secrets_both_sign(receiver: Receiver) -> None:
    """So that a secret can be changed without an outage."""
    made, problems = webhook_of({"url": receiver.url, "secret": f"whsec_{'A' * 32} {SECRET}"})
    assert not problems
    assert deliverer_for(made, now(), NAMES).process(reply()) == Done()


def test_a_wrong_secret_is_for_later(receiver: Receiver) -> None:
    """401: somebody is just changing it, or has to."""
    made, _ = webhook_of({"url": receiver.url, "secret": f"whsec_{'A' * 32}"})
    assert deliverer_for(made, now(), NAMES).process(reply()) == Later("the webhook answered 401")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_has_it(receiver: Receiver, status: int) -> None:
    """All of them."""
    receiver.answer = status
    assert webhook(receiver.url).process(reply()) == Done()


@pytest.mark.parametrize("status", [400, 403, 406, 410, 413, 415, 422])
def test_some_answers_are_never(receiver: Receiver, status: int) -> None:
    """The same request can't succeed."""
    receiver.answer = status
    assert webhook(receiver.url).process(reply()) == Never(f"the webhook answered {status}")


@pytest.mark.parametrize("status", [301, 302, 307, 401, 404, 405, 408, 409, 425, 429, 500, 502, 503, 504, 599])
def test_all_others_are_later(receiver: Receiver, status: int) -> None:
    """A redirection is not followed: signed mail goes where the configuration says."""
    receiver.answer = status
    assert webhook(receiver.url).process(reply()) == Later(f"the webhook answered {status}")
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("misbehaviour", [hangs, returns_garbage, drips, hangs_up])
def test_no_answer_is_later_and_soon(receiver: Receiver, misbehaviour: Callable[..., None]) -> None:
    """One bound on everything: a receiver that drips keeps nobody."""
    receiver.answer = misbehaviour
    start = time.monotonic()
    assert isinstance(webhook(receiver.url).process(reply()), Later)
    assert time.monotonic() - start < 4


def test_nobody_there_is_later() -> None:
    """Refused, or no such host."""
    assert isinstance(webhook(f"http://127.0.0.1:{free_port()}/").process(reply()), Later)
    assert isinstance(webhook("http://nothing.invalid/").process(reply()), Later)
    assert isinstance(webhook("http://xn--/").process(reply()), Later)


def test_a_listener_that_never_answers_is_later() -> None:
    """The connection is taken by the kernel, and nobody reads."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        assert isinstance(webhook(f"http://127.0.0.1:{deaf.getsockname()[1]}/").process(reply()), Later)


def program(folder: Path, text: str) -> str:
    """A program of an operator's."""
    path = folder / "take-reply"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def command(path: str, *arguments: str, form: Format = Format.RAW, seconds: int = 5) -> Deliverer:
    """As a configuration would make it."""
    return deliverer_for(Command((path, *arguments), form, seconds), now(), NAMES)


def test_a_command_gets_the_message_and_who_answers_what(tmp_path: Path) -> None:
    """Arguments as they stand, the message on standard input, the rest in the environment."""
    path = program(tmp_path, f'cat > {tmp_path}/message; env > {tmp_path}/env; printf "%s|" "$@" > {tmp_path}/args')
    handed = reply()
    assert command(path, "-x", "a b; $(id)", "").process(handed) == Done()
    assert (tmp_path / "message").read_bytes() == handed.envelope.message
    assert (tmp_path / "args").read_text() == "-x|a b; $(id)||"
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert (told["REPLY_ID"], told["REPLY_USER"], told["REPLY_HANDLER"]) == (ID, "0", "test-endpoint")
    assert told["REPLY_LOCATOR"] == "test/endpoint"
    assert "HOME" not in told, "nothing of the daemon's own environment"


def test_a_command_may_take_json(tmp_path: Path) -> None:
    """The same object as a webhook."""
    path = program(tmp_path, f"cat > {tmp_path}/json")
    assert command(path, form=Format.JSON).process(reply()) == Done()
    assert b'"StrippedTextReply"' in (tmp_path / "json").read_bytes()


@pytest.mark.parametrize(
    "status,handed",
    [(65, Never), (67, Never), (68, Never), (77, Never), (1, Later), (75, Later), (78, Later), (126, Later)],
)
def test_exit_status_of_a_command(tmp_path: Path, status: int, handed: type) -> None:
    """As sysexits.h has them; what is not clearly never is later."""
    found = command(program(tmp_path, f"cat > /dev/null; exit {status}")).process(reply())
    assert isinstance(found, handed)
    assert str(status) in found.why  # type: ignore[union-attr]


def test_a_command_that_does_not_read_is_no_accident(tmp_path: Path) -> None:
    """It ends before the message is written."""
    large = reply()
    large = replace(large, envelope=replace(large.envelope, message=b"x" * 1_000_000))
    assert command(program(tmp_path, "exit 0")).process(large) == Done()


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """Else it might have its effect after we said later."""
    path = program(tmp_path, f"cat > /dev/null; (sleep 2; touch {tmp_path}/late) & sleep 30")
    start = time.monotonic()
    assert isinstance(command(path, seconds=1).process(reply()), Later)
    assert time.monotonic() - start < 4
    time.sleep(2)  # the time in which the child would have had its effect
    assert not (tmp_path / "late").exists()


def test_a_command_that_is_killed_or_missing_is_later(tmp_path: Path) -> None:
    """Somebody repairs it."""
    assert isinstance(command(program(tmp_path, "kill -9 $$")).process(reply()), Later)
    assert isinstance(command(str(tmp_path / "nothing")).process(reply()), Later)
    (tmp_path / "text").write_text("no program")
    assert isinstance(command(str(tmp_path / "text")).process(reply()), Later)


def test_a_maildir_has_each_reply_once(tmp_path: Path) -> None:
    """Also when it was read meanwhile; the folder is made."""
    maildir = deliverer_for(Maildir(str(tmp_path / "a/Mail")), now(), NAMES)
    handed = reply()
    assert maildir.process(handed) == Done()
    (file,) = (tmp_path / "a/Mail/new").iterdir()
    assert file.read_bytes() == handed.envelope.message.replace(b"\r\n", b"\n")
    assert maildir.process(reply()) == Done()
    os.rename(file, tmp_path / f"a/Mail/cur/{file.name}:2,S")
    assert maildir.process(reply()) == Done()
    assert not list((tmp_path / "a/Mail/new").iterdir())
    assert not list((tmp_path / "a/Mail/tmp").iterdir())


def test_a_maildir_that_cannot_be_written_is_later(tmp_path: Path) -> None:
    """Somebody repairs it."""
    (tmp_path / "Mail").write_text("no folder")
    assert isinstance(deliverer_for(Maildir(str(tmp_path / "Mail")), now(), NAMES).process(reply()), Later)


@dataclass
class Sink:
    """Postfix's smtp-sink as an LMTP server that keeps what it takes, and misbehaves as its flags say."""

    folder: Path
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, *flags: str) -> LmtpRelay:
        """One more of them."""
        place = self.folder / f"lmtp{len(self.running)}"
        command = ["/usr/sbin/smtp-sink", "-L", "-d", f"{self.folder}/taken/%M.", *flags, f"unix:{place}", "10"]
        if os.geteuid() == 0:
            command[1:1] = ["-u", USER]
        self.running.append(subprocess.Popen(command, cwd=self.folder))
        wait_until(place.exists, 10, "smtp-sink listens")
        return LmtpRelay(path=str(place), timeout_seconds=2)

    def taken(self) -> list[str]:
        """What it has."""
        return [path.read_text() for path in (self.folder / "taken").iterdir()]

    def stop(self) -> None:
        """End all."""
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """In a folder that its user can reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "taken").mkdir()
        (folder / "taken").chmod(0o777)
        made = Sink(folder)
        yield made
        made.stop()


def test_lmtp_hands_on_with_the_envelope(sink: Sink) -> None:
    """Or with another recipient, where the configuration says so."""
    relay = sink.start()
    assert deliverer_for(relay, now(), NAMES).process(reply()) == Done()
    assert deliverer_for(replace(relay, recipient="replies@example.com"), now(), NAMES).process(reply()) == Done()
    texts = sink.taken()
    assert all("X-Mail-Args: <jane@example.org>" in text for text in texts)
    assert sum("X-Rcpt-Args: <reply@reply.example.com>" in text for text in texts) == 1
    assert sum("X-Rcpt-Args: <replies@example.com>" in text for text in texts) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_what_an_lmtp_server_refuses_is_never_and_what_it_defers_is_later(sink: Sink, command: str) -> None:
    """At each step."""
    assert deliverer_for(sink.start("-f", command), now(), NAMES).process(reply()) == Never(
        "the LMTP server answered 500"
    )
    assert deliverer_for(sink.start("-r", command), now(), NAMES).process(reply()) == Later(
        "the LMTP server answered 450"
    )


def test_an_lmtp_server_that_is_away_or_silent_is_later(sink: Sink, tmp_path: Path) -> None:
    """One bound on everything."""
    assert isinstance(deliverer_for(LmtpRelay(path=str(tmp_path / "nothing")), now(), NAMES).process(reply()), Later)
    start = time.monotonic()
    assert isinstance(
        deliverer_for(replace(sink.start("-w", "30"), timeout_seconds=1), now(), NAMES).process(reply()), Later
    )
    assert time.monotonic() - start < 4


Ending = Callable[[socket.socket], None]


def lmtp_server(ending: Ending, banner: Ending, *announced: bytes, pause: float = 0) -> LmtpRelay:
    """One conversation that takes a message, after a pause, and then does ``ending`` in answer to QUIT."""
    listening = socket.create_server(("127.0.0.1", 0))

    def converse() -> None:
        client, _ = listening.accept()
        with listening, client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            banner(client)
            for line in lines:
                word = line[:4].upper()
                if word == b"QUIT":
                    return ending(client)
                client.sendall(b"".join(b"250-%s\r\n" % name for name in announced if word == b"LHLO"))
                client.sendall(b"354 go on\r\n" if word == b"DATA" else b"250 2.0.0 Ok\r\n")
                while word == b"DATA" and lines.readline() != b".\r\n":
                    pass
                time.sleep(pause if word == b"DATA" else 0)
                client.sendall(b"250 2.0.0 Taken\r\n" if word == b"DATA" else b"")
        return None

    threading.Thread(target=converse, daemon=True).start()
    return LmtpRelay(host="127.0.0.1", port=listening.getsockname()[1], timeout_seconds=1)


def greets(client: socket.socket) -> None:
    """As it should."""
    client.sendall(b"220 here\r\n")


def says(text: bytes, pause: float = 0) -> Ending:
    """Octet by octet, if there is a pause."""

    def talk(client: socket.socket) -> None:
        for start in range(0, len(text), 1 if pause else len(text)):
            client.sendall(text[start : start + (1 if pause else len(text))])
            time.sleep(pause)

    return talk


@pytest.mark.parametrize("ending", [says(b"421 4.3.2 going down\r\n"), says(b"221 " + b"x" * 20, 0.3)])
def test_what_an_lmtp_server_says_to_quit_changes_nothing(ending: Ending) -> None:
    """It has taken the message: handed over once more, it would have it twice."""
    start = time.monotonic()
    assert deliverer_for(lmtp_server(ending, greets), now(), NAMES).process(reply()) == Done()
    assert time.monotonic() - start < 1


def test_an_lmtp_server_that_drips_its_greeting_is_later_and_soon() -> None:
    """The bound holds from the first octet on."""
    start = time.monotonic()
    found = deliverer_for(lmtp_server(greets, says(b"220 " + b"x" * 20, 0.3)), now(), NAMES).process(reply())
    assert isinstance(found, Later)
    assert time.monotonic() - start < 4


class Named(HostNames):
    """A name server that knows three addresses of a host."""

    def addresses(self, host: str, seconds: float) -> list[str]:
        """See ``ports.delivery.Names``."""
        return ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def test_an_lmtp_server_with_several_addresses_has_all_of_the_time() -> None:
    """To connect, each address has its share; who took longer than that to answer was given up, and got it twice."""
    relay = replace(lmtp_server(greets, greets, pause=2.5), host="several.example", timeout_seconds=6)
    assert deliverer_for(relay, now(), Named()).process(reply()) == Done()


def test_an_address_that_is_not_ascii_needs_smtputf8() -> None:
    """Without it the reply can never be handed on (RFC 6531 section 3.1): no accident, and no bounce."""
    handed = reply()
    handed = replace(handed, envelope=replace(handed.envelope, sender="jürgen@example.org"))
    able = lmtp_server(greets, greets, b"localhost", b"SMTPUTF8")
    assert deliverer_for(able, now(), NAMES).process(handed) == Done()
    found = deliverer_for(lmtp_server(greets, greets), now(), NAMES).process(handed)
    assert found == Never("the LMTP server does not offer SMTPUTF8, and an address is not ASCII")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings a handler, as pip would install it."""
    (tmp_path / "take_it.py").write_text(
        "class Taker:\n"
        "    name, description = 'taker', 'for tests'\n"
        "    def __init__(self, settings):\n"
        "        self.place = settings['place']\n"
        "    def process(self, reply):\n"
        "        with open(self.place, 'a') as file:\n"
        "            file.write(f'{reply.user} {reply.context} {reply.locator} {reply.text}')\n"
        "def broken(settings):\n"
        "    raise ValueError('no such place')\n"
        "def without(settings):\n"
        "    return object()\n"
    )
    metadata = tmp_path / "take_it-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: take-it\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[reply_milter.handlers]\ntaker = take_it:Taker\nbroken = take_it:broken\nwithout = take_it:without\n"
        "absent = nothing_here:x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_plug_in_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """It gets its settings, and returns nothing where all went well."""
    taker = load_plug_in(PlugIn("taker", {"place": str(tmp_path / "out")}))
    assert taker.process(reply()) is None
    assert (tmp_path / "out").read_text().startswith("0 0 test/endpoint A test by reply-milter")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "name,sentence",
    [
        ("nothing", "there is no plug-in 'nothing' .installed: absent, broken, taker, without."),
        ("broken", "does not take these settings: no such place"),
        ("without", "has no method process"),
        ("absent", "No module named"),
        ("taker", "does not take these settings: 'place'"),
    ],
)
def test_a_plug_in_that_cannot_be_used_says_why(name: str, sentence: str) -> None:
    """One line, when the configuration is read."""
    with pytest.raises(PlugInError, match=sentence):
        load_plug_in(PlugIn(name, {}))
