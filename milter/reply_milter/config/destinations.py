"""``[handler.delivery]``: where the replies of one handler go."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from reply_milter.config.places import connection_point, host_point
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.verdict.destination import (
    TIMEOUT_SECONDS,
    BuiltIn,
    Command,
    Destination,
    Discourse,
    Format,
    LmtpRelay,
    Maildir,
    MailRoom,
    PlugIn,
    SmtpRelay,
    Tls,
    Webhook,
)
from reply_text.syntax.mailbox import mailboxes

LONGEST_SECONDS = 300  # Postfix gives up on an answer after 600
_SECRET_OCTETS = (16, 64)
_HOW_SECRETS_LOOK = '"whsec_" and {} to {} octets in base64'.format(*_SECRET_OCTETS)
_UNSIGNED = ""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def webhook_of(values: Mapping[str, object]) -> tuple[Webhook, list[str]]:
    """Read a webhook from a command line's values; also return what is wrong with it."""
    problems: list[str] = []
    return _webhook(Table(values, "", problems)), problems


def smtp_of(values: Mapping[str, object]) -> tuple[SmtpRelay, list[str]]:
    """Read an SMTP server from a command line's values; also return what is wrong with it."""
    problems: list[str] = []
    return _smtp(Table(values, "", problems)), problems


def _webhook(table: Table) -> Webhook:
    url = table.need("url", "", _http_url)
    words = table.take("secret", _UNSIGNED, _some).split()
    secrets = [secret for word in words if (secret := _secret(table, word)) is not None]
    return Webhook(url, tuple(secrets), _format(table, Format.JSON), _timeout(table))


def _some(value: str) -> str | None:
    return None if value.strip() else f"must not be empty: {_HOW_SECRETS_LOOK}; leave it out to send unsigned"


def _secret(table: Table, word: str) -> bytes | None:
    """Read a secret as Standard Webhooks writes it: ``whsec_`` and base64. It is never shown."""
    try:
        octets = base64.b64decode(word.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    least, most = _SECRET_OCTETS
    if word.startswith("whsec_") and least <= len(octets) <= most:
        return octets
    table.problem("secret", f"must be {_HOW_SECRETS_LOOK} (several, separated by a blank, all sign)")
    return None


def _command(table: Table) -> Command:
    argv = table.strings("argv", [])
    if not table.has_problem("argv") and not (argv and argv[0].startswith("/")):
        table.problem(
            "argv", 'must be a list, the program\'s absolute path first: ["/usr/local/bin/take-reply", "--now"]'
        )
    if any("\0" in argument for argument in argv):
        table.problem("argv", "must not hold a NUL character")
    return Command(tuple(argv), _format(table, Format.RAW), _timeout(table))


def _maildir(table: Table) -> Maildir:
    return Maildir(table.need("path", "", _absolute()))


def _lmtp(table: Table) -> LmtpRelay:
    if not table.has("address"):
        table.problem("address", "is missing")
    place = connection_point(table, "address", "")
    recipient = table.take("recipient", "", _mail_address)
    return LmtpRelay(place.path, place.host, place.port, recipient, _timeout(table))


def _smtp(table: Table) -> SmtpRelay:
    place = host_point(table, "address")
    tls = Tls(table.take("tls", Tls.NONE.value, one_of(*(way.value for way in Tls))))
    user = table.take("user", "", _login)
    password_file = table.take("password_file", "", _absolute())
    if bool(user) != bool(password_file):
        table.problem("user", "and password_file are needed both, or neither")
    if user and tls is Tls.NONE and place and not place.is_loopback:
        table.problem("tls", 'must be "starttls" or "implicit" where there is a password, but on loopback')
    recipient = table.take("recipient", "", _mail_address)
    return SmtpRelay(place.host, place.port, tls, user, password_file, recipient, _timeout(table))


def _discourse(table: Table) -> Discourse:
    url = _call(table.need("url", "", _safe_url), "/admin/email/handle_mail")
    key = table.need("api_key_file", "", _absolute())
    user = table.take("api_username", "system", matching(r"[A-Za-z0-9._-]{1,60}", "a user name of Discourse"))
    return Discourse(url, key, user, _timeout(table))


def _mail_room(table: Table) -> MailRoom:
    kind = table.take("mailbox_type", "incoming_email", one_of("incoming_email", "service_desk_email"))
    url = _call(table.need("url", "", _http_url), f"/api/v4/internal/mail_room/{kind}")
    return MailRoom(url, table.need("secret_file", "", _absolute()), _timeout(table))


def _call(url: str, path: str) -> str:
    """The URL of an application's call, behind the URL of the application."""
    return url if not url or url.endswith(path) else url.rstrip("/") + path


def _absolute() -> Callable[[str], str | None]:
    return matching(r"/[^\0]+", "an absolute path")


# Every kind of destination by the word for its type; any other word names a plug-in.
KINDS: Mapping[str, Callable[[Table], BuiltIn]] = {
    "webhook": _webhook,
    "command": _command,
    "maildir": _maildir,
    "lmtp": _lmtp,
    "smtp": _smtp,
    "discourse": _discourse,
    "mail_room": _mail_room,
}


def read_destination(table: Table) -> Destination | None:
    """Read ``[handler.delivery]``; None for a mistake, which is noted. All kinds but plug-ins can ``redact``."""
    kind = table.need("type", "", matching(r"[A-Za-z0-9._-]{1,64}", f"{', '.join(KINDS)}, or a plug-in's name"))
    if not kind:
        return None
    read = KINDS.get(kind)
    if read is None:
        return PlugIn(kind, table.rest())
    found = replace(read(table), redact=table.take("redact", False))
    table.unknown()
    return found


def _format(table: Table, default: Format) -> Format:
    return Format(table.take("format", default.value, one_of(*(form.value for form in Format))))


def _timeout(table: Table) -> int:
    return table.take("timeout_seconds", TIMEOUT_SECONDS, between(1, LONGEST_SECONDS))


def _http_url(value: str) -> str | None:
    """Check a URL. The problem does not show it: a URL may hold a password."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    plain = value.isascii() and value.isprintable() and " " not in value
    return None if good and plain else "must be an http:// or https:// URL"


def _safe_url(value: str) -> str | None:
    """Check the URL of a call that takes a key along."""
    problem = _http_url(value)
    if problem is None and value.startswith("http:") and urlsplit(value).hostname not in _LOOPBACK:
        return "must be an https:// URL, but on loopback: the API key goes with each message"
    return problem


def _mail_address(value: str) -> str | None:
    return None if not value or mailboxes(value) == [value] else f"{value!r} is not a mail address"


def _login(value: str) -> str | None:
    return None if value.isprintable() and value.isascii() else "must be printable ASCII"
