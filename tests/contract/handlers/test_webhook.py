"""A webhook: what is posted, how it is signed, and what its answers mean."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from email.utils import getaddresses
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import deliverer_for, http_post
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.config.destinations import webhook_of
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.ports.delivery import Deliverer
from reply_text import Mailbox
from tests.contract.handlers.given import NAMES, now, reply
from tests.support.certificate import write_certificate
from tests.support.hosts.hooked import ID
from tests.support.hosts.receiver import SECRET, Receiver, Request, drips, hangs, hangs_up, returns_garbage
from tests.support.processes.ports import free_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An application's endpoint."""
    running = Receiver()
    yield running
    running.close()


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


def test_replies_share_a_connection(receiver: Receiver) -> None:
    """An encrypted one costs more than all the rest."""
    ports: list[int] = []

    def noted(request: Request) -> int:
        ports.append(request.client_address[1])
        return 204

    receiver.answer = noted
    posting = webhook(receiver.url)
    assert [posting.process(reply()) for _ in range(5)] == [Done()] * 5
    assert len(set(ports)) == 1
    time.sleep(1.3)  # a server may close it soon: a request that meets that end may have been carried out
    assert posting.process(reply()) == Done()
    assert len(set(ports)) == 2


def test_a_connection_that_the_application_closed_is_not_used(receiver: Receiver) -> None:
    """Although it did not say that it would."""
    receiver.answer = lambda request: _say(request, b"HTTP/1.1 204 No Content\r\n\r\n")
    posting = webhook(receiver.url)
    for _ in range(3):
        assert posting.process(reply()) == Done()
        time.sleep(0.05)
    assert len(receiver.calls) == 3


@pytest.mark.parametrize("rest", [b"", b"x" * 5, b"\xff" * 200_000])
def test_the_rest_of_an_answer_changes_nothing(receiver: Receiver, rest: bytes) -> None:
    """It stops, or is endless. The status has decided, and nobody waits for the deadline."""
    receiver.answer = lambda request: _say(request, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + rest, 3)
    start = time.monotonic()
    assert webhook(receiver.url, timeout_seconds=30).process(reply()) == Done()
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("field", [b"X: y\r\n", b"X: " + b"y" * 60_000 + b"\r\n", b"X" * 100])
def test_a_header_without_an_end_is_no_answer(receiver: Receiver, field: bytes) -> None:
    """It is read within bounds."""

    def endless(request: Request) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(2_000_000 // len(field)):
            request.wfile.write(field)

    receiver.answer = endless
    assert isinstance(webhook(receiver.url, timeout_seconds=20).process(reply()), Later)


def test_an_answer_just_in_time_counts(receiver: Receiver) -> None:
    """The rest of it has a moment of its own."""

    def late(request: Request) -> None:
        time.sleep(0.9)
        _say(request, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 2)

    receiver.answer = late
    assert webhook(receiver.url).process(reply()) == Done()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n{}",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nR\xc3\xa9ponse enregistr\xc3\xa9e",
    ],
    ids=["204 with a body", "204 with a length", "too short a length"],
)
def test_octets_behind_an_answer_do_not_spoil_it(receiver: Receiver, said: bytes) -> None:
    """Nor the next reply's, which comes over another connection."""
    receiver.answer = lambda request: _say(request, said)
    handler = webhook(receiver.url)
    assert [handler.process(reply()) for _ in range(5)] == [Done()] * 5


@pytest.mark.parametrize("later", [0.0, 0.001, 0.01])
def test_a_server_that_closes_idle_connections_without_a_word_delays_no_reply(receiver: Receiver, later: float) -> None:
    """At once, or in the moment in which the next reply is posted."""
    receiver.answer = lambda request: _say(request, b"HTTP/1.1 204 No Content\r\n\r\n", later)
    posting = webhook(receiver.url)
    assert [posting.process(reply()) for _ in range(100)] == [Done()] * 100


def test_cookies_are_not_kept(receiver: Receiver) -> None:
    """Each reply is posted as if it were the first."""
    receiver.answer = lambda request: _say(request, b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\n\r\n")
    posting = webhook(receiver.url)
    assert [posting.process(reply()) for _ in range(2)] == [Done(), Done()]
    assert all("cookie" not in call.headers for call in receiver.calls)


def test_a_password_in_the_url_is_sent_as_a_login(receiver: Receiver) -> None:
    """HTTP Basic, as RFC 7617 has it."""
    assert webhook(receiver.url.replace("//", "//us%40er:p%C3%A4ss@")).process(reply()) == Done()
    (call,) = receiver.calls
    assert call.headers["authorization"] == f"Basic {base64.b64encode('us@er:päss'.encode()).decode()}"
    assert "@" not in call.headers["host"]


def test_each_name_has_connections_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts at one address: the certificate was verified for one of them, and a login goes to one of them."""
    write_certificate(tmp_path / "cert.pem", tmp_path / "key.pem", "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    monkeypatch.setattr(http_post, "_of_process", {})
    with _encrypted(tmp_path) as (port, taken):
        good = webhook(f"https://localhost:{port}/", timeout_seconds=5)
        assert [good.process(reply()) for _ in range(3)] == [Done()] * 3
        assert len(taken) == 1
        other, _ = webhook_of({"url": f"https://other.example:{port}/", "secret": SECRET})
        refused = deliverer_for(other, now(), Here()).process(reply())
        assert isinstance(refused, Later) and "could not be reached" in refused.why
        assert "certificate verify failed" in refused.why


def test_idle_connections_are_closed_soon(receiver: Receiver) -> None:
    """Also where no other reply follows."""
    ended = threading.Event()

    def watch(connection: socket.socket) -> None:
        connection.recv(1, socket.MSG_PEEK)
        ended.set()

    def watched(request: Request) -> int:
        threading.Thread(target=watch, args=[request.connection], daemon=True).start()
        return 204

    receiver.answer = watched
    assert webhook(receiver.url).process(reply()) == Done()
    assert ended.wait(5)


def test_interim_answers_are_passed_over(receiver: Receiver) -> None:
    """Early hints, for example (RFC 8297); without a final answer there is none."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    receiver.answer = lambda request: _say(request, hints * 2 + b"HTTP/1.1 413 Too Large\r\n\r\n")
    assert webhook(receiver.url).process(reply()) == Never("the webhook answered 413")
    receiver.answer = lambda request: _say(request, hints * 100)
    assert isinstance(webhook(receiver.url).process(reply()), Later)


class Here(HostNames):
    """Every name leads to this host."""

    def addresses(self, _host: str, _seconds: float) -> list[str]:
        """See ``ports.delivery.Names``."""
        return ["127.0.0.1"]


@contextmanager
def _encrypted(folder: Path) -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that answers each request with 204, over TLS. Yields its port, and its connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    taken: list[socket.socket] = []

    def serve(connection: ssl.SSLSocket) -> None:
        with suppress(OSError), connection:
            while request := connection.recv(1 << 20):
                if b"webhook-id" in request.lower():
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                taken.append(context.wrap_socket(connection, server_side=True))
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=serve, args=[taken[-1]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], taken
        listener.shutdown(socket.SHUT_RDWR)


def _say(request: Request, octets: bytes, seconds: float = 0) -> None:
    request.wfile.write(octets)
    request.wfile.flush()
    time.sleep(seconds)
