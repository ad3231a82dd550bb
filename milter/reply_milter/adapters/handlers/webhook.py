"""Hand replies over by HTTP POST, signed as Standard Webhooks.

The status decides: 2xx is Done; 400, 403, 406, 410, 413, 415 and 422 are Never; other statuses, and no answer in time,
are Later. A redirection is not followed, because it is a mistake in the configuration.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import time

import httpx

from reply_milter import __version__
from reply_milter.core.delivery import payload
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.verdict.destination import Format, Webhook
from reply_milter.ports import Clock
from reply_milter.ports.delivery import NameLookupError, Names

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, which may hold a password

_NEVER = frozenset({400, 403, 406, 410, 413, 415, 422})
_TYPES = {Format.JSON: "application/json", Format.RAW: "message/rfc822"}


class WebhookDeliverer:
    """Implements ``ports.delivery.Deliverer``. One connection per reply."""

    name = "webhook"
    description = "HTTP POST, signed as Standard Webhooks"

    def __init__(self, webhook: Webhook, clock: Clock, names: Names) -> None:
        self._webhook = webhook
        self._names = names
        self._clock = clock

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        raw = self._webhook.format is Format.RAW
        body = reply.envelope.message if raw else payload.write(reply)
        signed = signature(self._webhook.secrets, reply.id, self._clock.now(), body)
        try:
            return _judged(post(self._webhook, body, signed, self._names))
        except WebhookError as error:
            return Later(str(error))


class WebhookError(Exception):
    """There was no answer. The message says why."""


def post(webhook: Webhook, body: bytes, signed: dict[str, str], names: Names) -> int:
    """POST ``body`` with the fields of its signature, and return the status of the answer.

    Raises:
        WebhookError: there was no answer in time.
    """
    headers = {"Content-Type": _TYPES[webhook.format], "User-Agent": f"reply-milter/{__version__}", **signed}
    deadline = time.monotonic() + webhook.timeout_seconds
    try:
        url = httpx.URL(webhook.url)
        addresses = names.addresses(url.raw_host.decode().strip("[]"), webhook.timeout_seconds)
        return asyncio.run(_post(url, addresses, body, headers, deadline - time.monotonic()))
    except NameLookupError as error:
        raise WebhookError(f"the webhook could not be reached: {error}") from error
    except (TimeoutError, httpx.ConnectTimeout):
        raise WebhookError(f"the webhook gave no answer within {webhook.timeout_seconds} s") from None
    except httpx.ConnectError as error:  # refused, no such host, a certificate: only its text says which
        raise WebhookError(f"the webhook could not be reached: {error}") from error
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        UnicodeError,
        OSError,
    ) as error:  # UnicodeError: a host name that IDNA refuses
        raise WebhookError(f"the request to the webhook failed: {type(error).__name__}") from error


async def _post(url: httpx.URL, addresses: list[str], body: bytes, headers: dict[str, str], seconds: float) -> int:
    """Return the status. The body is not read: it may be garbage, or endless. One deadline covers everything."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
    ):
        for tried, address in enumerate(addresses, 1):
            share = (deadline - loop.time()) / (len(addresses) - tried + 1)
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers={"Host": url.netloc.decode(), **headers},
                timeout=httpx.Timeout(None, connect=max(share, 0.001)),
                extensions={} if address == url.host.strip("[]") else {"sni_hostname": url.raw_host.decode()},
            )
            try:
                return await _status(client, request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if tried == len(addresses):
                    raise
    raise TimeoutError


async def _status(client: httpx.AsyncClient, request: httpx.Request) -> int:
    response = await client.send(request, stream=True)
    await response.aclose()
    return response.status_code


def signature(secrets: tuple[bytes, ...], identifier: str, now: int, body: bytes) -> dict[str, str]:
    """Return the header fields of Standard Webhooks; without a secret, the id alone. ``now``: Unix seconds."""
    if not secrets:
        return {"webhook-id": identifier}
    signed = f"{identifier}.{now}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{written}" for written in signatures),
    }


def _judged(status: int) -> DeliveryOutcome:
    if 200 <= status < 300:
        return Done()
    if status in _NEVER:
        return Never(f"the webhook answered {status}")
    return Later(f"the webhook answered {status}")
