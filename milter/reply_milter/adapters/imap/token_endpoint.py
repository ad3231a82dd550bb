"""Access tokens from an OAuth server (RFC 6749): by a refresh token, or by the client's own secret.

Some servers answer with a new refresh token, and forget the old one in time; so the file is replaced.
"""

import http.client
import json
import logging
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from reply_milter import files
from reply_milter.adapters.imap.client import shown
from reply_milter.adapters.imap.secrets import first_line, of_file
from reply_milter.core.fetching.account import Grant, TokenEndpoint
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError

log = logging.getLogger(__name__)

_SECONDS = 30.0
_ANSWER_OCTETS = 1 << 16
_OUR_FAULT = range(400, 500)  # statuses that say: ask otherwise (RFC 6749 section 5.2)
_BUSY = frozenset({408, 429})


class TokenSource:
    """Asks one endpoint for access tokens."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._endpoint = endpoint

    def token(self) -> str:
        """Return a new access token.

        Raises:
            MailboxRefusedError: a file can't be read, or the server refuses what is in it.
            MailboxUnavailableError: the server gave no answer that can be used.
        """
        form = self._form()
        answer = _posted(self._endpoint.url, form)
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise MailboxUnavailableError("the token endpoint's answer holds no access_token")
        renewed = answer.get("refresh_token")
        if isinstance(renewed, str) and renewed != form.get("refresh_token") and self._endpoint.refresh_token_file:
            _replace(self._endpoint.refresh_token_file, first_line(renewed.encode(), "the token endpoint"))
        return first_line(token.encode(), "the token endpoint")

    def _form(self) -> dict[str, str]:
        """Return what is asked, as the fields of a form."""
        asked = self._endpoint
        form = {"grant_type": asked.grant.value, "client_id": asked.client_id}
        if asked.client_secret_file:
            form["client_secret"] = of_file(asked.client_secret_file)
        if asked.grant is Grant.REFRESH_TOKEN:
            form["refresh_token"] = of_file(asked.refresh_token_file)
        return form | ({"scope": asked.scope} if asked.scope else {})


def _posted(url: str, form: Mapping[str, str]) -> Mapping[str, object]:
    """POST a form and return the fields of the answer. All of it ends within ``_SECONDS``."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.connect()
    except OSError as error:
        raise MailboxUnavailableError(f"the token endpoint gave no answer: {type(error).__name__}") from error
    timer = threading.Timer(_SECONDS, _cut, [connection.sock])  # the connection forgets its socket before the body
    timer.daemon = True
    timer.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        connection.request("POST", target, urlencode(form), fields)
        answer = connection.getresponse()
        return _judged(answer.status, answer.read(_ANSWER_OCTETS))
    except (OSError, http.client.HTTPException) as error:
        raise MailboxUnavailableError(f"the token endpoint gave no answer: {type(error).__name__}") from error
    finally:
        timer.cancel()
        connection.close()


def _cut(connected: socket.socket) -> None:
    """End a connection whose time is up: the timeout of a socket begins anew with each octet."""
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _judged(status: int, body: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    fields: Mapping[str, object] = said if isinstance(said, dict) else {}
    if status in _OUR_FAULT and status not in _BUSY:
        why = shown(str(fields.get("error", status)))
        raise MailboxRefusedError(f"the token endpoint refuses ({why}): renew the refresh token or the client's secret")
    if status != http.client.OK:
        raise MailboxUnavailableError(f"the token endpoint answered {status}")
    return fields


def _replace(path: str, text: str) -> None:
    """Replace a file of a secret atomically, mode and owner kept. The token still works if that fails: only log."""
    real = Path(path).resolve()
    try:
        files.replace(real, f"{text}\n".encode(), like=real)
    except OSError as error:
        log.warning("a new refresh token can't be kept, and the old one may end: %s: %s", path, error.strerror)
