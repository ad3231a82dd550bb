"""Logging in: with a password or an access token, which is asked for again when the server refuses it."""

import imaplib
from collections.abc import Callable

from reply_milter.adapters.imap.client import errors_told, shown
from reply_milter.adapters.imap.session import Answer, Session
from reply_milter.core.fetching.account import Account, ImapAuth
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError

_TRIES = 2  # a token may have expired, or a password have changed, between asking and logging in
_LATER = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG")  # codes of RFC 5530 that are no judgement of the password

Secret = Callable[[], str]


def log_in(session: Session, account: Account, secret: Secret) -> None:
    """Log in.

    Raises:
        MailboxRefusedError: the server refused what ``secret`` returned, twice.
        MailboxUnavailableError: the connection broke, or the server can't log anybody in now.
    """
    for left in reversed(range(_TRIES)):
        answer = _tried(session, account, secret())
        if answer.ok:
            return
        words = shown(answer.words)
        if any(session.code(code) is not None for code in _LATER):
            raise MailboxUnavailableError(f"the server logs nobody in now: {words}")
        if not left:
            raise MailboxRefusedError(f"the server refuses the login of {account.user}: {words}")


def _tried(session: Session, account: Account, secret: str) -> Answer:
    with errors_told("logging in"):
        if account.auth is ImapAuth.XOAUTH2:
            return _sasl(session, "XOAUTH2", f"user={account.user}\1auth=Bearer {secret}\1\1")
        if account.auth is ImapAuth.OAUTHBEARER:
            user = account.user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
            return _sasl(session, "OAUTHBEARER", f"n,a={user},\1auth=Bearer {secret}\1\1", at_error=b"\1")
        if "AUTH=PLAIN" in session.wire.capabilities:
            return _sasl(session, "PLAIN", f"\0{account.user}\0{secret}")
        return _login(session, account.user, secret)


def _sasl(session: Session, mechanism: str, told: str, at_error: bytes = b"") -> Answer:
    """Authenticate by a mechanism that says all at once. Servers explain a refusal, and wait for ``at_error``."""
    if f"AUTH={mechanism}" not in session.wire.capabilities:
        raise MailboxRefusedError(f'the server does not offer {mechanism}: change "auth"')
    steps = iter((told.encode(),))
    session.begin()
    try:
        session.wire.authenticate(mechanism, lambda _challenge: next(steps, at_error))
    except imaplib.IMAP4.abort:  # the connection broke
        raise
    except imaplib.IMAP4.error as error:
        return Answer(False, [], str(error).encode())
    return Answer(True, [], b"")


def _login(session: Session, user: str, password: str) -> Answer:
    if "LOGINDISABLED" in session.wire.capabilities:
        raise MailboxRefusedError('the server takes no password without TLS: use "imaps://" or "imap+starttls://"')
    if not (user + password).isascii():
        raise MailboxRefusedError("the server takes a user and a password in ASCII only")
    quote = session.wire._quote
    answer = session.plain("logging in", "LOGIN", quote(user), quote(password))
    if answer.ok:
        session.wire.state = "AUTH"
    return answer
