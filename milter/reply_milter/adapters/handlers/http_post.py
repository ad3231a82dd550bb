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
from collections.abc import Coroutine, Mapping
from contextlib import suppress
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


class _Posts:
    """The posts of one process: their event loop, in a thread of its own, and connections to each host."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._transports: dict[str, httpx.AsyncHTTPTransport] = {}
        threading.Thread(target=self._loop.run_forever, name="posts", daemon=True).start()

    def run(self, post: Coroutine[Any, Any, int]) -> int:
        """Wait for a post; several threads may."""
        return asyncio.run_coroutine_threadsafe(post, self._loop).result()

    def transport(self, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        """Return the connections to the host of ``url``, by name: each was verified for that name alone.

        A transport and not a client, which keeps the cookies of answers.
        """
        name = f"{url.scheme} {url.netloc.decode()}"
        if name not in self._transports:
            limits = httpx.Limits(keepalive_expiry=_IDLE_SECONDS)
            self._transports[name] = httpx.AsyncHTTPTransport(verify=_trusted(), trust_env=False, limits=limits)
        return self._transports[name]


@cache
def _posts(_pid: int) -> _Posts:
    """Return those of this process: a fork has neither thread nor connections."""
    return _Posts()


async def _post(url: httpx.URL, addresses: list[str], body: bytes, fields: Mapping[str, str], seconds: float) -> int:
    """Return the status. One deadline covers everything but the rest of an answer, which has one of its own."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    transport = _posts(os.getpid()).transport(url)
    async with asyncio.timeout(seconds):
        for tried, address in enumerate(addresses, 1):
            share = (deadline - loop.time()) / (len(addresses) - tried + 1)
            request = _request(url, address, body, fields, max(share, 0.001))
            try:
                response = await transport.handle_async_request(request)
                break
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if tried == len(addresses):
                    raise
        else:
            raise TimeoutError
    await _finish(response)
    return response.status_code


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
    """Return the authorities that certificates are verified with. To read them takes 25 ms of CPU time."""
    return httpx.create_ssl_context(trust_env=False)


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
