"""Where accepted replies go: one kind of destination per way of handing a reply over.

``redact``: reply addresses are removed from a message that is handed on as it is. That breaks its seal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

TIMEOUT_SECONDS = 30  # for all of one handing over; Postfix waits 600 s for an answer to a message


class Format(StrEnum):
    """``json``: an object of Postmark's inbound shape; ``raw``: the message as it arrived."""

    JSON = "json"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTP POST. ``secrets``: 24 octets or more each, as Standard Webhooks has them; all of them sign."""

    url: str = field(repr=False)  # may hold a password
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    format: Format = Format.JSON
    timeout_seconds: int = TIMEOUT_SECONDS
    redact: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments, never a shell; the message, or the JSON, on its standard input."""

    argv: tuple[str, ...]
    format: Format = Format.RAW
    timeout_seconds: int = TIMEOUT_SECONDS
    redact: bool = False


@dataclass(frozen=True, slots=True)
class Maildir:
    """A folder with ``new``, ``cur`` and ``tmp``."""

    path: str
    redact: bool = False


@dataclass(frozen=True, slots=True)
class LmtpRelay:
    """Another LMTP server: ``path`` of its unix socket, or ``host`` and ``port``. ``recipient``: empty keeps ours."""

    path: str = ""
    host: str = ""
    port: int = 0
    recipient: str = ""
    timeout_seconds: int = TIMEOUT_SECONDS
    redact: bool = False


class Tls(StrEnum):
    """How an SMTP conversation is encrypted: not at all, from STARTTLS on (RFC 3207), or from the first octet on."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class SmtpRelay:
    """An SMTP server. ``recipient``: empty keeps the reply's. ``password_file``: of ``user``; both may be empty."""

    host: str
    port: int
    tls: Tls = Tls.NONE
    user: str = ""
    password_file: str = ""
    recipient: str = ""
    timeout_seconds: int = TIMEOUT_SECONDS
    redact: bool = False


@dataclass(frozen=True, slots=True)
class Discourse:
    """A Discourse. ``url``: of its call for mail. ``api_key_file``: read for each reply."""

    url: str
    api_key_file: str
    api_username: str = "system"
    timeout_seconds: int = TIMEOUT_SECONDS
    redact: bool = False


@dataclass(frozen=True, slots=True)
class MailRoom:
    """A GitLab. ``url``: of its call for one type of mailbox. ``secret_file``: GitLab's own, read for each reply."""

    url: str
    secret_file: str
    timeout_seconds: int = TIMEOUT_SECONDS
    redact: bool = False


@dataclass(frozen=True, slots=True)
class PlugIn:
    """A handler of another package, by the name of its entry point, with the settings that it is given."""

    name: str
    settings: Mapping[str, object] = field(repr=False)
    redact: ClassVar[bool] = False  # it gets the message as it is


BuiltIn = Webhook | Command | Maildir | LmtpRelay | SmtpRelay | Discourse | MailRoom
Destination = BuiltIn | PlugIn
