"""Hand a reply over by HTTP POST: one request, within one deadline.

The status decides: 2xx is Done; 400, 403, 406, 410, 413, 415 and 422 are Never; other statuses, and no answer in time,
are Later. A redirection is not followed, because it is a mistake in the configuration.

A connection stays open for a moment after an answer, for the next reply to the same host: an encrypted one costs more
than all the rest. It is not used again later than that, because a server closes it sooner or later. A request that
meets the end of such a connection is sent again on another one, as the MTA would later: with the same id.
"""

import asyncio
import atexit
import base64
import os
import socket
import ssl
import threading
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from reply_milter import __version__
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.ports.delivery import NameLookupError, Names

_NEVER = frozenset({400, 403, 406, 410, 413, 415, 422})
_IDLE_SECONDS = 1.0  # servers close idle connections after two seconds and more
_FIELD_OCTETS = 1 << 16  # of a field of an answer
_HEADER_END = b"\r\n\r\n"
_REST_SECONDS = 0.2  # for the rest of an answer, whose status has decided already
_REST_OCTETS = 1 << 16
_T = TypeVar("_T")


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
    try:
        given = yarl.URL(url)
        addresses = names.addresses(given.raw_host or "", seconds)
        posts = _posts()
        return posts.run(posts.post(given, addresses, body, fields, deadline - time.monotonic()))
    except NameLookupError as error:
        raise NoAnswerError(f"{who} could not be reached: {error}") from error
    except TimeoutError:
        raise NoAnswerError(f"{who} gave no answer within {seconds} s") from None
    except aiohttp.ClientConnectorError as error:
        raise NoAnswerError(f"{who} could not be reached: {_why(error)}") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: what is no URL, no host name, no field
        raise NoAnswerError(f"the request to {who} failed: {type(error).__name__}") from error


def _why(error: aiohttp.ClientConnectorError) -> str:
    """Return the system's word (refused, no route) where it has one, else aiohttp's, of a certificate say."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number and not isinstance(error, ssl.SSLError) else str(error)


class _Found(AbstractResolver):
    """Addresses as ``Names`` found them, by host."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[str]] = {}

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 # of both kinds
    ) -> list[ResolveResult]:
        """See aiohttp."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses[host.rstrip(".")]
        ]

    async def close(self) -> None:
        """Do nothing."""


class _Answers(ResponseHandler):
    """Takes the header of an answer by itself.

    So octets behind the end of an answer (a 204 with a body, a Content-Length that counts characters) cost the
    connection, and not the answer: aiohttp's parser gives up all that arrived with them.
    """

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        end = data.find(_HEADER_END) + len(_HEADER_END)
        if len(_HEADER_END) <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)


class _Posts:
    """The posts of one process: their event loop, in a thread of its own, and connections to each host by its name."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._found = _Found()
        threading.Thread(target=self._loop.run_forever, name="posts", daemon=True).start()
        self._session = self.run(self._begin())
        atexit.register(self._end, os.getpid())

    def _end(self, process: int) -> None:
        """Hang up when the process ends; aiohttp complains of sessions that were not closed."""
        if os.getpid() == process:
            self.run(self._session.close())

    async def _begin(self) -> aiohttp.ClientSession:
        """Make the session, in its loop. Each reply is posted as if it were the first: no cookies."""
        connector = aiohttp.TCPConnector(
            ssl=ssl.create_default_context(),
            resolver=self._found,
            use_dns_cache=False,
            limit=0,
            keepalive_timeout=_IDLE_SECONDS,
        )
        connector._factory = partial(_Answers, loop=self._loop)  # type: ignore[assignment] # is a ResponseHandler
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=connector,
            trace_configs=[tracing],
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"reply-milter/{__version__}"},
            skip_auto_headers=["Accept-Encoding"],
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=_FIELD_OCTETS,
            max_field_size=_FIELD_OCTETS,
        )

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Wait for what the loop does; several threads may."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def post(
        self, url: yarl.URL, addresses: list[str], body: bytes, fields: Mapping[str, str], seconds: float
    ) -> int:
        """Return the status. One deadline covers everything but the rest of an answer, which has one of its own."""
        self._found.addresses[(url.raw_host or "").rstrip(".")] = addresses
        async with asyncio.timeout(seconds):
            response = None
            while response is None:
                response = await self._sent(url.with_user(None), body, {**_login(url), **fields})
        await _finish(response)
        return response.status

    async def _sent(self, url: yarl.URL, body: bytes, fields: Mapping[str, str]) -> aiohttp.ClientResponse | None:
        """Return the answer; None if the server had closed the connection, which was an idle one."""
        sending = _Sending()
        try:
            return await self._session.post(
                url, data=body, headers=fields, allow_redirects=False, trace_request_ctx=sending
            )
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if not sending.is_reused:
                raise
            return None


@dataclass(slots=True)
class _Sending:
    """Whether a request goes over a connection that was idle."""

    is_reused: bool = False


async def _note_reuse(_session: object, context: SimpleNamespace, _more: object) -> None:
    context.trace_request_ctx.is_reused = True


_lock = threading.Lock()
_of_process: dict[int, _Posts] = {}


def _posts() -> _Posts:
    """Return those of this process: a fork has neither thread nor connections."""
    with _lock:
        process = os.getpid()
        if process not in _of_process:
            _of_process.clear()
            _of_process[process] = _Posts()
        return _of_process[process]


def _login(url: yarl.URL) -> dict[str, str]:
    """Return the field that has the login of a URL, as RFC 7617 writes it."""
    if url.user is None and url.password is None:
        return {}
    login = f"{url.user or ''}:{url.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}


async def _finish(response: aiohttp.ClientResponse) -> None:
    """Read the rest of an answer, so that its connection can be used again; it may be garbage, or endless."""
    octets = 0
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_REST_SECONDS):
            while octets <= _REST_OCTETS and (piece := await response.content.readany()):
                octets += len(piece)
    response.close()  # hangs up, unless the answer is read to its end
