"""Hand a reply over by HTTP POST: one request, within one deadline.

The status decides: 2xx is Done; 400, 403, 406, 410, 413, 415 and 422 are Never; other statuses, and no answer in time,
are Later. A redirection is not followed, because it is a mistake in the configuration.

A connection stays open for a moment after an answer, for the next reply to the same host: an encrypted one costs more
than all the rest. It is not used again later than that, because a server closes it sooner or later, and a request that
meets the end of its connection may have been carried out.
"""

import asyncio
import base64
import logging
import os
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from reply_milter import __version__
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.ports.delivery import NameLookupError, Names

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, which may hold a password

_NEVER = frozenset({400, 403, 406, 410, 413, 415, 422})
_IDLE_SECONDS = 1.0  # servers close idle connections after two seconds and more
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
    try:
        given = httpx.URL(url)
        addresses = names.addresses(given.raw_host.decode().strip("[]"), seconds)
        return _posts(os.getpid()).run(_post(given, addresses, body, fields, deadline - time.monotonic()))
    except NameLookupError as error:
        raise NoAnswerError(f"{who} could not be reached: {error}") from error
    except (TimeoutError, httpx.ConnectTimeout):
        raise NoAnswerError(f"{who} gave no answer within {seconds} s") from None
    except httpx.ConnectError as error:  # refused, no such host, a certificate: only its text says which
        raise NoAnswerError(f"{who} could not be reached: {error}") from error
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        UnicodeError,
        OSError,
    ) as error:  # UnicodeError: a host name that IDNA refuses
        raise NoAnswerError(f"the request to {who} failed: {type(error).__name__}") from error


@dataclass(slots=True)
class _Host:
    """Connections to one host, by name: each was verified for that name alone. ``idle_since``: by the loop's clock.

    A transport and not a client, which keeps the cookies of answers.
    """

    transport: httpx.AsyncHTTPTransport
    posts: int = 0
    idle_since: float = 0.0


class _Posts:
    """The posts of one process: their event loop, in a thread of its own, and connections to each host."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._hosts: dict[str, _Host] = {}
        threading.Thread(target=self._loop.run_forever, name="posts", daemon=True).start()

    def run(self, post: Coroutine[Any, Any, int]) -> int:
        """Wait for a post; several threads may."""
        return asyncio.run_coroutine_threadsafe(post, self._loop).result()

    @contextmanager
    def connections(self, url: httpx.URL) -> Iterator[httpx.AsyncHTTPTransport]:
        """Lend the connections to the host of ``url``. Who was not asked for a moment is hung up on."""
        name = f"{url.scheme} {url.netloc.decode()}"
        host = self._hosts.get(name) or _Host(httpx.AsyncHTTPTransport(verify=_trusted(), trust_env=False))
        self._hosts[name] = host
        host.posts += 1
        try:
            yield host.transport
        finally:
            host.posts -= 1
            host.idle_since = self._loop.time()
            self._loop.call_at(host.idle_since + _IDLE_SECONDS, self._close, name, host, host.idle_since)

    def _close(self, name: str, host: _Host, idle_since: float) -> None:
        if not host.posts and host.idle_since == idle_since and self._hosts.pop(name, None) is not None:
            self._closing = self._loop.create_task(host.transport.aclose())


@cache
def _posts(_pid: int) -> _Posts:
    """Return those of this process: a fork has neither thread nor connections."""
    return _Posts()


async def _post(url: httpx.URL, addresses: list[str], body: bytes, fields: Mapping[str, str], seconds: float) -> int:
    """Return the status. One deadline covers everything but the rest of an answer, which has one of its own."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with _posts(os.getpid()).connections(url) as transport:
        response = await _answer(transport, url, addresses, body, fields, deadline)
        await _finish(response)
    return response.status_code


async def _answer(
    transport: httpx.AsyncHTTPTransport,
    url: httpx.URL,
    addresses: list[str],
    body: bytes,
    fields: Mapping[str, str],
    deadline: float,
) -> httpx.Response:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout_at(deadline):
        for tried, address in enumerate(addresses, 1):
            share = (deadline - loop.time()) / (len(addresses) - tried + 1)
            request = _request(url, address, body, fields, max(share, 0.001))
            try:
                return await transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if tried == len(addresses):
                    raise
    raise TimeoutError


def _request(url: httpx.URL, address: str, body: bytes, fields: Mapping[str, str], seconds: float) -> httpx.Request:
    """Return a request to one ``address`` of the host of ``url``. ``seconds``: to connect."""
    usual = {"Host": url.netloc.decode(), "Accept": "*/*", "User-Agent": f"reply-milter/{__version__}"}
    login = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    named = {} if address == url.host.strip("[]") else {"sni_hostname": url.raw_host.decode()}
    return httpx.Request(
        "POST",
        url.copy_with(host=address),
        content=body,
        headers={**usual, **({"Authorization": f"Basic {login}"} if url.userinfo else {}), **fields},
        extensions={"timeout": httpx.Timeout(None, connect=seconds).as_dict(), **named},
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that certificates are verified with: httpx's own, and this host's.

    To read them takes 25 ms of CPU time.
    """
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def _finish(response: httpx.Response) -> None:
    """Read the rest of an answer, so that its connection can be used again; it may be garbage, or endless."""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_REST_SECONDS):
            await _read_rest(response)
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_REST_SECONDS):
            await response.aclose()


async def _read_rest(response: httpx.Response) -> None:
    octets = 0
    async for piece in response.aiter_raw():
        octets += len(piece)
        if octets > _REST_OCTETS:
            return
