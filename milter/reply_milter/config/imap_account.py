"""``[[imap]]``: at which server, as whom, and with what the mailbox is opened."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from reply_milter.core.encoding.toml_table import Table, matching, one_of
from reply_milter.core.fetching.account import (
    Account,
    Grant,
    ImapAuth,
    PasswordCommand,
    PasswordFile,
    SecretSource,
    TokenEndpoint,
)
from reply_milter.core.verdict.destination import Tls

_WAYS: Mapping[str, tuple[Tls, int]] = {
    "imaps": (Tls.IMPLICIT, 993),
    "imap+starttls": (Tls.STARTTLS, 143),
    "imap": (Tls.NONE, 143),
}
_URL_OCTETS: Final = 1000
_ONE_OF_THREE = "exactly one of password_file, password_command and [imap.oauth2] is needed"


def read_account(table: Table) -> Account:
    """Read the keys of ``[[imap]]`` that say how the mailbox is opened."""
    tls, host, port = _server(table)
    auth = ImapAuth(table.take("auth", ImapAuth.LOGIN.value, one_of(*(way.value for way in ImapAuth))))
    return Account(
        host=host,
        port=port,
        tls=tls,
        user=table.need("user", "", _printable),
        auth=auth,
        secret=_secret(table, auth),
        mailbox=table.take("mailbox", "INBOX", folder),
        processed=table.take("processed", "Replies/Processed", folder),
        idle=table.take("idle", True),
    )


def _server(table: Table) -> tuple[Tls, str, int]:
    """Read ``url``: how it is encrypted, host and port."""
    url = table.need("url", "")
    parts = _parts(url)
    if parts is None or not parts.hostname:
        if not table.has_problem("url"):
            table.problem("url", 'must be "imaps://HOST", "imap+starttls://HOST" or "imap://" and a loopback address')
        return Tls.IMPLICIT, "", 0
    tls, usual = _WAYS[parts.scheme]
    if tls is Tls.NONE and not _is_loopback(parts.hostname):
        table.problem("url", 'must be "imaps://" or "imap+starttls://", but on loopback: the password goes with it')
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        table.problem("url", "must hold a host and a port only: user and mailbox are keys of their own")
    return tls, parts.hostname, parts.port or usual


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url) if len(url) <= _URL_OCTETS and url.isascii() and url.isprintable() else None
        return parts if parts and parts.scheme in _WAYS and (parts.port or 1) > 0 else None
    except ValueError:  # a port that is none
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(table: Table, auth: ImapAuth) -> SecretSource:
    """Read where the password or access token comes from."""
    given = [key for key in ("password_file", "password_command", "oauth2") if table.has(key)]
    if len(given) != 1:
        table.problem(given[1] if given else "password_file", _ONE_OF_THREE)
    path = table.take("password_file", "", _absolute)
    argv = tuple(table.strings("password_command", []))
    endpoint = _endpoint(table.table("oauth2")) if "oauth2" in given else None
    runnable = argv and argv[0].startswith("/") and not any("\0" in argument for argument in argv)
    if "password_command" in given and not runnable and not table.has_problem("password_command"):
        table.problem("password_command", "must be a list, the program's absolute path first")
    if endpoint is not None:
        if auth is ImapAuth.LOGIN:
            table.problem("auth", 'must be "xoauth2" or "oauthbearer" with [imap.oauth2]')
        return endpoint
    return PasswordCommand(argv) if argv else PasswordFile(path)


def _endpoint(table: Table) -> TokenEndpoint:
    grant = Grant(table.take("grant", Grant.REFRESH_TOKEN.value, one_of(*(one.value for one in Grant))))
    needed = "refresh_token_file" if grant is Grant.REFRESH_TOKEN else "client_secret_file"
    if not table.has(needed):
        table.problem(needed, f'is missing: grant = "{grant}" needs it')
    found = TokenEndpoint(
        url=table.need("token_url", "", _token_url),
        client_id=table.need("client_id", "", _printable),
        client_secret_file=table.take("client_secret_file", "", _absolute),
        refresh_token_file=table.take("refresh_token_file", "", _absolute),
        scope=table.take("scope", "", _blank_or_printable),
        grant=grant,
    )
    table.unknown()
    return found


def _token_url(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        good = bool(parts.hostname) and (parts.port or 1) > 0 and value.isascii() and value.isprintable()
    except ValueError:
        return "must be an https:// URL"
    plain = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    safe = parts.scheme == "https" or plain
    return None if good and safe and " " not in value else "must be an https:// URL: secrets go with it"


def folder(value: str) -> str | None:
    """Check a folder's name."""
    good = value.isprintable() and len(value) <= 255 and all(value.split("/")) and not set(value) & set("*%")
    return None if good else f"must be a folder's name, its levels divided by /, without * and %, not {value!r}"


def _printable(value: str) -> str | None:
    return None if value and value.isprintable() and len(value) <= 255 else "must be 1 to 255 printable characters"


def _blank_or_printable(value: str) -> str | None:
    return None if value.isprintable() and len(value) <= 1000 else "must be printable"


_absolute: Callable[[str], str | None] = matching(r"/[^\0\n]+", "an absolute path")
