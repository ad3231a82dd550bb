"""Hand a reply over by HTTP POST: one request, within one deadline.

The status decides: 2xx is Done; 400, 403, 406, 410, 413, 415 and 422 are Never; other statuses, and no answer in time,
are Later. A redirection is not followed, because it is a mistake in the configuration.
"""

import base64
import http.client
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import SplitResult, unquote, urlsplit

from reply_milter import __version__
from reply_milter.adapters.handlers.http_connections import Place, Wire, connections, final_answer
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.ports.delivery import NameLookupError, Names

_NEVER = frozenset({400, 403, 406, 410, 413, 415, 422})
_PORTS = {"http": 80, "https": 443}
_REST_SECONDS = 0.2  # for the rest of an answer, whose status has decided already
_REST_OCTETS = 1 << 16


class NoAnswerError(Exception):
    """There was no answer. The message says why."""


def hand_over(
    who: str, url: str, seconds: float, body: bytes, fields: Mapping[str, str], names: Names
) -> DeliveryOutcome:
    """POST ``body`` and judge the answer. ``who``: the application, as sentences about it name it."""
    try:
        status = post(who, url, seconds, body, fields, names)
    except NoAnswerError as error:
        return Later(str(error))
    if 200 <= status < 300:
        return Done()
    said = f"{who} answered {status}"
    return Never(said) if status in _NEVER else Later(said)


def post(who: str, url: str, seconds: float, body: bytes, fields: Mapping[str, str], names: Names) -> int:
    """POST ``body`` with these header fields, and return the status of the answer. ``seconds``: for all of it.

    Raises:
        NoAnswerError: there was no answer in time.
    """
    deadline = time.monotonic() + seconds
    parts = urlsplit(url)
    place = Place(parts.scheme == "https", parts.hostname or "", parts.port or _PORTS[parts.scheme])
    try:
        wire = connections().take(place, names, deadline)
    except TimeoutError:
        raise NoAnswerError(f"{who} gave no answer within {seconds} s") from None
    except (NameLookupError, OSError, UnicodeError) as error:  # UnicodeError: no host has such a name
        raise NoAnswerError(f"{who} could not be reached: {error}") from error
    try:
        return _status(place, wire, _target(parts), body, {**_fields(parts), **fields})
    except TimeoutError:
        raise NoAnswerError(f"{who} gave no answer within {seconds} s") from None
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise NoAnswerError(f"the request to {who} failed: {type(error).__name__}") from error


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _fields(parts: SplitResult) -> dict[str, str]:
    """Return the fields of every request. A login in the URL is sent as RFC 7617 has it."""
    found = {
        "Host": parts.netloc.rpartition("@")[2],
        "Accept": "*/*",
        "User-Agent": f"reply-milter/{__version__}",
    }
    if parts.username is not None or parts.password is not None:
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        found["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return found


def _status(place: Place, wire: Wire, target: str, body: bytes, fields: Mapping[str, str]) -> int:
    """Send the request, and return the status of its answer."""
    is_reusable = False
    try:
        is_sent = _is_sent(wire, http.client.HTTPConnection(place.host), target, body, fields)
        response = final_answer(wire)
        is_reusable = is_sent and _is_read(wire, response)
        return response.status
    finally:
        if is_reusable:
            connections().give_back(place, wire)
        else:
            wire.end()


def _is_sent(
    wire: Wire, request: http.client.HTTPConnection, target: str, body: bytes, fields: Mapping[str, str]
) -> bool:
    """Send a request. False: the server closed the connection before its end, and may have said why (RFC 9112 9.5)."""
    request.sock = wire
    try:
        request.request("POST", target, body, fields)
    except ConnectionError:
        return False
    return True


def _is_read(wire: Wire, response: http.client.HTTPResponse) -> bool:
    """Read the rest of an answer, which may be garbage, or endless; True if the connection can be used again."""
    if response.will_close:
        return False
    wire.deadline = time.monotonic() + _REST_SECONDS
    wire.allow(_REST_OCTETS)
    with suppress(http.client.HTTPException, OSError, ValueError):
        response.read(2 * _REST_OCTETS)
        return response.isclosed() or response.length == 0
    return False
