"""TLS: verified, begun before anything is said, and put in front of nothing."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from reply_milter.core.verdict.destination import Tls
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError
from tests.support.certificate import write_certificate
from tests.support.scripted_imap import Answer, at, scripted

_BARE = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n@ OK so\r\n"


@pytest.fixture
def server_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS; its certificate is trusted."""
    write_certificate(tmp_path / "cert.pem", tmp_path / "key.pem", "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


_STARTTLS = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n@ OK so\r\n", "STARTTLS": b"@ OK begin\r\n"}


def test_nothing_of_a_login_is_said_before_tls(server_context: ssl.SSLContext) -> None:
    """And what was offered before counts no longer."""
    with scripted(_STARTTLS) as server:
        server.context = server_context
        at(server, Tls.STARTTLS).open()
    assert server.said.index(b"STARTTLS") < server.said.index(b"AUTHENTICATE PLAIN")
    assert b"CAPABILITY" in server.said[server.said.index(b"STARTTLS") : server.said.index(b"AUTHENTICATE PLAIN")]


@pytest.mark.parametrize(
    "changed,greeting,error,words",
    [
        ({"CAPABILITY": _BARE}, b"* OK\r\n", MailboxRefusedError, "offers no STARTTLS"),
        ({**_STARTTLS, "STARTTLS": b"@ NO so\r\n"}, b"* OK\r\n", MailboxUnavailableError, "refuses STARTTLS"),
        (_STARTTLS, b"* PREAUTH you are in\r\n", MailboxUnavailableError, "before TLS"),
        (
            {**_STARTTLS, "STARTTLS": b"@ OK begin\r\n* OK [CAPABILITY IMAP4rev1]\r\n"},
            b"* OK\r\n",
            MailboxUnavailableError,
            "before TLS began",
        ),
    ],
)
def test_who_prevents_tls_gets_no_password(
    changed: Mapping[str, Answer], greeting: bytes, error: type[Exception], words: str
) -> None:
    """Stripped, refused, greeted past, or answers put in before it."""
    with scripted(changed, greeting) as server, pytest.raises(error, match=words):
        at(server, Tls.STARTTLS).open()
    assert not any(line.startswith((b"AUTHENTICATE", b"LOGIN")) for line in server.said)


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls: Tls, server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a word on what is wrong with it."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with scripted(_STARTTLS) as server:
        server.context, server.implicit = server_context, tls is Tls.IMPLICIT
        with pytest.raises(MailboxRefusedError, match="certificate is not good: self"):
            at(server, tls).open()
    assert b"AUTHENTICATE PLAIN" not in server.said
