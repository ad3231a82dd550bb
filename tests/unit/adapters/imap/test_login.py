"""Logging in, and opening the mailbox: what is refused for good, and what is tried again."""

import socket
from collections.abc import Mapping

import pytest

from reply_milter.core.fetching.account import ImapAuth
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError
from tests.support.scripted_imap import Answer, at, bye, scripted

_BARE = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n@ OK so\r\n"
_READ_ONLY = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n@ OK [READ-ONLY]\r\n"


@pytest.mark.parametrize(
    "changed,error,words",
    [
        ({"SASL": b"@ NO [AUTHENTICATIONFAILED] wrong\r\n"}, MailboxRefusedError, "refuses the login of inbound"),
        ({"SASL": b"@ NO no code\r\n"}, MailboxRefusedError, "no code"),
        ({"SASL": b"@ BAD what\r\n"}, MailboxRefusedError, "what"),
        ({"SASL": b"@ NO [UNAVAILABLE] later\r\n"}, MailboxUnavailableError, "logs nobody in now"),
        ({"SASL": bye}, MailboxUnavailableError, "logging in"),
        ({"SELECT": b"@ NO [NONEXISTENT] no such box\r\n"}, MailboxRefusedError, 'opens no mailbox "INBOX"'),
        ({"SELECT": _READ_ONLY}, MailboxRefusedError, "only be read"),
        ({"SELECT": b"* 1 EXISTS\r\n@ OK so\r\n"}, MailboxRefusedError, "no lasting UIDs"),
        (
            {"SELECT": b"* NO [UIDNOTSTICKY] x\r\n* OK [UIDVALIDITY 1] x\r\n@ OK so\r\n"},
            MailboxRefusedError,
            "no lasting UIDs",
        ),
        ({"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n@ OK so\r\n"}, MailboxRefusedError, "without TLS"),
        ({"CAPABILITY": b"@ OK so\r\n"}, MailboxUnavailableError, "connecting"),
    ],
)  # fmt: skip
def test_opening_says_whether_trying_again_helps(
    changed: Mapping[str, Answer], error: type[Exception], words: str
) -> None:
    """And nothing is left open."""
    with scripted(changed) as server:
        box = at(server)
        with pytest.raises(error, match=words):
            box.open()
        with pytest.raises(MailboxUnavailableError, match="not open"):
            box.uids_after(0)


def test_a_refused_secret_is_asked_for_again() -> None:
    """Once: the first token had expired."""
    secrets = iter(["old", "new"])
    with scripted({"SASL": [b"@ NO [AUTHENTICATIONFAILED] expired\r\n", b"@ OK so\r\n"]}) as server:
        box = at(server)
        box._secret = lambda: next(secrets)
        box.open()
    assert [line for line in server.said if line.startswith(b"AGlu")] == [
        b"AGluYm91bmRAZXhhbXBsZS5jb20Ab2xk",
        b"AGluYm91bmRAZXhhbXBsZS5jb20AbmV3",
    ]


@pytest.mark.parametrize(
    "auth,told",
    [
        (ImapAuth.XOAUTH2, b"dXNlcj1pbmJvdW5kQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHNlY3JldAEB"),
        (ImapAuth.OAUTHBEARER, b"bixhPWluYm91bmRAZXhhbXBsZS5jb20sAWF1dGg9QmVhcmVyIHNlY3JldAEB"),
        (ImapAuth.LOGIN, b"AGluYm91bmRAZXhhbXBsZS5jb20Ac2VjcmV0"),
    ],
)
def test_tokens_are_said_as_their_mechanism_wants(auth: ImapAuth, told: bytes) -> None:
    """In base64, behind the server's first go-ahead."""
    with scripted() as server:
        at(server, auth=auth).open()
    assert told in server.said


def test_a_server_that_explains_its_refusal_is_let_finish() -> None:
    """Google sends a JSON text in base64, and waits for an empty line before it says no."""

    def explaining(connection: socket.socket, tag: bytes) -> None:
        connection.sendall(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
        assert connection.recv(100) == b"\r\n"
        connection.sendall(tag + b" NO [AUTHENTICATIONFAILED] Invalid credentials\r\n")

    with scripted({"SASL": explaining}) as server, pytest.raises(MailboxRefusedError, match="Invalid credentials"):
        at(server, auth=ImapAuth.XOAUTH2).open()


def test_a_mechanism_that_is_not_offered_is_named() -> None:
    """Before the token is sent anywhere."""
    with scripted({"CAPABILITY": _BARE}) as server, pytest.raises(MailboxRefusedError, match="does not offer XOAUTH2"):
        at(server, auth=ImapAuth.XOAUTH2).open()


def test_without_plain_there_is_login() -> None:
    """User and password quoted."""
    with scripted({"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n@ OK so\r\n"}) as server:
        box = at(server)
        box._secret = lambda: 'a "b\\'
        box.open()
        box.close()
        box._secret = lambda: "pässword"
        with pytest.raises(MailboxRefusedError, match="ASCII only"):
            box.open()
    assert b'LOGIN "inbound@example.com" "a \\"b\\\\"' in server.said
