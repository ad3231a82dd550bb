"""An SMTP server: the envelope, its answers, its silence, its certificate and its login."""

import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.verdict.destination import SmtpRelay, Tls
from tests.contract.handlers.given import NAMES, now, reply
from tests.support.certificate import write_certificate
from tests.support.processes.daemon_process import USER, wait_until
from tests.support.processes.ports import free_port


def hand_over(relay: SmtpRelay, given: Reply | None = None) -> DeliveryOutcome | None:
    """One reply."""
    return deliverer_for(relay, now(), NAMES).process(given or reply())


@dataclass
class Taking:
    """A handler of aiosmtpd that keeps what it takes."""

    taken: list[Any] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 # aiosmtpd's name
        """Keep the whole envelope."""
        self.taken.append(envelope)
        return "250 taken"

    def login(self, server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        """Who knows the password."""
        assert isinstance(data, LoginPassword)
        self.logins.append(mechanism)
        return AuthResult(success=(data.login, data.password) == (b"replies", b"pass word"), handled=False)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server on 127.0.0.1, trusted by this host."""
    write_certificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


@contextmanager
def serving(taking: Taking, implicit: ssl.SSLContext | None = None, **settings: Any) -> Iterator[SmtpRelay]:
    """aiosmtpd, an SMTP server as applications use it."""
    controller = Controller(taking, hostname="127.0.0.1", port=free_port(), ssl_context=implicit, **settings)
    controller.start()
    try:
        yield SmtpRelay("127.0.0.1", controller.port, timeout_seconds=5)
    finally:
        controller.stop()


def test_smtp_hands_on_with_the_envelope() -> None:
    """Or with another recipient; the body has eight bits, and lines that begin with a dot."""
    taking, given = Taking(), reply()
    message = given.envelope.message + b".\r\n..\r\n"
    given = replace(given, envelope=replace(given.envelope, message=message))
    with serving(taking) as relay:
        assert hand_over(relay, given) == Done()
        assert hand_over(replace(relay, recipient="replies@example.com"), given) == Done()
    first, second = taking.taken
    assert (first.mail_from, first.rcpt_tos) == ("jane@example.org", ["reply@reply.example.com"])
    assert second.rcpt_tos == ["replies@example.com"]
    assert first.content == message
    assert first.mail_options == ["BODY=8BITMIME"]


def test_lines_that_end_in_lf_alone_are_sent_as_smtp_has_them() -> None:
    """As pipe(8) hands them over; another server would take them for the end of the message, or refuse them."""
    taking, given = Taking(), reply()
    message = given.envelope.message.replace(b"\r\n", b"\n") + b".\nmore\n"
    with serving(taking) as relay:
        assert hand_over(relay, replace(given, envelope=replace(given.envelope, message=message))) == Done()
    assert taking.taken[0].content == message.replace(b"\n", b"\r\n")


def test_a_login_over_starttls_and_over_tls(certificate: ssl.SSLContext, tmp_path: Path) -> None:
    """The certificate is that of the address, and the password is read at each reply."""
    taking, password = Taking(), tmp_path / "password"
    password.write_text("pass word\n")
    required: dict[str, Any] = {"require_starttls": True, "auth_required": True}
    with serving(taking, tls_context=certificate, authenticator=taking.login, **required) as relay:
        secure = replace(relay, tls=Tls.STARTTLS, user="replies", password_file=str(password))
        assert hand_over(secure) == Done()
        password.write_text("another")
        assert hand_over(secure) == Later("the SMTP server did not accept the login: 535")
        password.write_text("p\u00e4ss")
        assert hand_over(secure) == Later("the password file can't be read: UnicodeDecodeError")
        password.unlink()
        assert hand_over(secure) == Later("the password file can't be read: FileNotFoundError")
        assert hand_over(replace(relay, tls=Tls.STARTTLS)) == Never("the SMTP server answered 530")
    password.write_text("pass word")
    before = len(taking.logins)
    with serving(taking, certificate, authenticator=taking.login, auth_require_tls=False) as relay:
        secure = replace(relay, tls=Tls.IMPLICIT, user="replies", password_file=str(password))
        assert hand_over(secure) == Done()
    assert (len(taking.taken), len(taking.logins) - before) == (2, 1)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_certificate_that_is_not_good_is_later(
    certificate: ssl.SSLContext, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of another name, and one that nobody vouches for: the reply waits, and nothing was said in the clear."""
    taking = Taking()
    given = {"implicit": certificate} if tls is Tls.IMPLICIT else {"tls_context": certificate}
    with serving(taking, **given) as relay:
        found = hand_over(replace(relay, tls=tls, host="localhost"))
        assert isinstance(found, Later) and found.why.startswith("the SMTP server's certificate is not good: Hostname")
        monkeypatch.delenv("SSL_CERT_FILE")
        found = hand_over(replace(relay, tls=tls))
        assert found == Later("the SMTP server's certificate is not good: self-signed certificate")
    assert taking.taken == []


def test_a_server_without_starttls_gets_nothing() -> None:
    """Whoever takes the word out of its answers on the way gains nothing."""
    taking = Taking()
    with serving(taking) as relay:
        assert hand_over(replace(relay, tls=Tls.STARTTLS)) == Later("the SMTP server does not offer STARTTLS")
    assert taking.taken == []


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def sink() -> Iterator[Callable[..., SmtpRelay]]:
    """Postfix's smtp-sink, which misbehaves as its flags say."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*flags: str) -> SmtpRelay:
        port = free_port()
        command = ["/usr/sbin/smtp-sink", *flags, f"inet:127.0.0.1:{port}", "10"]
        if os.geteuid() == 0:
            command[1:1] = ["-u", USER]
        running.append(subprocess.Popen(command, cwd=tempfile.gettempdir()))
        wait_until(lambda: _listens(port), 10, "smtp-sink listens")
        return SmtpRelay("127.0.0.1", port, timeout_seconds=2)

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_what_a_server_refuses_is_never_and_what_it_defers_is_later(
    sink: Callable[..., SmtpRelay], command: str
) -> None:
    """At each step of the message."""
    assert hand_over(sink("-f", command)) == Never("the SMTP server answered 500")
    assert hand_over(sink("-r", command)) == Later("the SMTP server answered 450")


def test_a_server_that_is_away_or_silent_is_later(sink: Callable[..., SmtpRelay]) -> None:
    """One bound on everything."""
    assert hand_over(SmtpRelay("127.0.0.1", free_port())) == Later(
        "the SMTP conversation failed: ConnectionRefusedError"
    )
    assert hand_over(SmtpRelay("nothing.invalid", 25)) == Later(
        "the SMTP server could not be reached: [Errno -2] Name or service not known"
    )
    start = time.monotonic()
    assert isinstance(hand_over(replace(sink("-w", "30"), timeout_seconds=1)), Later)
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("tls", list(Tls))
@pytest.mark.parametrize("says", [b"220 " + b"x" * 40, b"\x16\x03\x03\x40\x00" + b"x" * 40])
def test_a_server_that_drips_is_later_and_soon(tls: Tls, says: bytes) -> None:
    """Its greeting, or its part of the handshake."""
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        client, _ = listening.accept()
        with listening, client:
            for octet in says:
                try:
                    client.sendall(bytes([octet]))
                except OSError:
                    return
                time.sleep(0.3)

    threading.Thread(target=drip, daemon=True).start()
    start = time.monotonic()
    found = hand_over(SmtpRelay("127.0.0.1", listening.getsockname()[1], tls=tls, timeout_seconds=1))
    assert isinstance(found, Later)
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("greeting", [b"554 5.7.1 go away\r\n", b"421 busy\r\n"])
def test_a_server_that_wants_no_mail_at_all_is_later(greeting: bytes) -> None:
    """It says nothing about this reply."""
    listening = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        client, _ = listening.accept()
        with listening, client:
            client.sendall(greeting)
            client.recv(100)

    threading.Thread(target=greet, daemon=True).start()
    code = greeting[:3].decode()
    found = hand_over(SmtpRelay("127.0.0.1", listening.getsockname()[1], timeout_seconds=2))
    assert found == Later(f"the SMTP server greeted with {code}")
