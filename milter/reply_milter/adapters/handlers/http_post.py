"""Hand a reply over by HTTP POST: one request on a connection of its own, within one deadline.

The status decides: 2xx is Done; 400, 403, 406, 410, 413, 415 and 422 are Never; other statuses, and no answer in time,
are Later. A redirection is not followed, because it is a mistake in the configuration.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from functools import cache

import httpx

from reply_milter import __version__
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.ports.delivery import NameLookupError, Names

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, which may hold a password

_NEVER = frozenset({400, 403, 406, 410, 413, 415, 422})


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
        return asyncio.run(_post(given, addresses, body, fields, deadline - time.monotonic()))
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


async def _post(url: httpx.URL, addresses: list[str], body: bytes, fields: Mapping[str, str], seconds: float) -> int:
    """Return the status. The body is not read: it may be garbage, or endless. One deadline covers everything."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(follow_redirects=False, trust_env=False, verify=_trusted()) as client,
    ):
        for tried, address in enumerate(addresses, 1):
            share = (deadline - loop.time()) / (len(addresses) - tried + 1)
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers={"Host": url.netloc.decode(), "User-Agent": f"reply-milter/{__version__}", **fields},
                timeout=httpx.Timeout(None, connect=max(share, 0.001)),
                extensions={} if address == url.host.strip("[]") else {"sni_hostname": url.raw_host.decode()},
            )
            try:
                return await _status(client, request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if tried == len(addresses):
                    raise
    raise TimeoutError


@cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that certificates are verified with. To read them takes 25 ms of CPU time."""
    return httpx.create_ssl_context(trust_env=False)


async def _status(client: httpx.AsyncClient, request: httpx.Request) -> int:
    response = await client.send(request, stream=True)
    await response.aclose()
    return response.status_code
