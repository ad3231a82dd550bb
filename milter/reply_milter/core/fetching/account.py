"""Who logs in at which IMAP server, and with what."""

from dataclasses import dataclass, field
from enum import StrEnum

from reply_milter.core.verdict.destination import Tls


class ImapAuth(StrEnum):
    """How the server is told who logs in."""

    LOGIN = "login"
    XOAUTH2 = "xoauth2"  # Google's and Microsoft's
    OAUTHBEARER = "oauthbearer"  # RFC 7628


class Grant(StrEnum):
    """What an access token is asked for with (RFC 6749 sections 6 and 4.4)."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105 (the protocol's word)
    CLIENT_CREDENTIALS = "client_credentials"


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """A file whose first line is the password or access token. It is read at each login."""

    path: str


@dataclass(frozen=True, slots=True)
class PasswordCommand:
    """A program that prints the password or access token as its first line. It runs at each login."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """An OAuth server that gives out access tokens (RFC 6749). Paths are empty for files that are not needed."""

    url: str
    client_id: str
    client_secret_file: str
    refresh_token_file: str
    scope: str
    grant: Grant


SecretSource = PasswordFile | PasswordCommand | TokenEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A mailbox of one user at one server. ``idle``: IDLE is used where the server has it.

    Levels of ``mailbox``, as of all folders here, are divided by ``/``, whatever the server divides them by.
    ``processed``: where a message goes that is to be deleted, but can only be moved.
    """

    host: str
    port: int
    tls: Tls
    user: str
    auth: ImapAuth
    secret: SecretSource = field(repr=False)
    mailbox: str
    processed: str
    idle: bool
