"""Replies by HTTP POST, signed as Standard Webhooks.

The answer decides: 2xx has it; 400, 403, 406, 410, 413, 415 and 422 say that it will never be taken; everything else,
and no answer in time, is for later. A redirection is not followed: it is a mistake in the configuration.
"""

import asyncio
import base64
import hashlib
import hmac
import logging

import httpx

from reply_milter import __version__
from reply_milter.core import payload
from reply_milter.core.destination import Format, Webhook
from reply_milter.core.handed_over import Done, HandedOver, Later, Never
from reply_milter.core.reply import Reply
from reply_milter.ports import Clock

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells URLs, and they may hold a password

_NEVER = frozenset({400, 403, 406, 410, 413, 415, 422})
_TYPES = {Format.JSON: "application/json", Format.RAW: "message/rfc822"}


class WebhookDeliverer:
    """Implements ``ports.delivery.Deliverer``. A connection a reply: nothing of one is left for the next."""

    name = "webhook"
    description = "HTTP POST, signed as Standard Webhooks"

    def __init__(self, webhook: Webhook, clock: Clock) -> None:
        self._webhook = webhook
        self._clock = clock

    def process(self, reply: Reply) -> HandedOver:
        """See ``ports.delivery.Deliverer``."""
        raw = self._webhook.format is Format.RAW
        body = reply.envelope.message if raw else payload.write(reply)
        signed = signature(self._webhook.secrets, reply.id, self._clock.now(), body)
        try:
            return _judged(post(self._webhook, body, signed))
        except WebhookError as error:
            return Later(str(error))


class WebhookError(Exception):
    """There was no answer; the message says why."""


def post(webhook: Webhook, body: bytes, signed: dict[str, str]) -> int:
    """POST ``body`` with the fields of its signature; the status of the answer.

    Raises:
        WebhookError: there was none in time.
    """
    headers = {"Content-Type": _TYPES[webhook.format], "User-Agent": f"reply-milter/{__version__}", **signed}
    try:
        return asyncio.run(_post(webhook, body, headers))
    except TimeoutError:
        raise WebhookError(f"the webhook gave no answer within {webhook.timeout_seconds} s") from None
    except httpx.ConnectError as error:  # refused, no such host, a certificate: only its words tell
        raise WebhookError(f"the webhook could not be reached: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:  # UnicodeError: a host name of IDNA's
        raise WebhookError(f"the webhook could not be asked: {type(error).__name__}") from error


async def _post(webhook: Webhook, body: bytes, headers: dict[str, str]) -> int:
    """The status alone: a body of garbage, or without end, is not read. One deadline for everything."""
    async with (
        asyncio.timeout(webhook.timeout_seconds),
        httpx.AsyncClient(timeout=None, follow_redirects=False, trust_env=False) as client,  # noqa: S113 # the one above
        client.stream("POST", webhook.url, content=body, headers=headers) as response,
    ):
        return response.status_code


def signature(secrets: tuple[bytes, ...], identifier: str, now: int, body: bytes) -> dict[str, str]:
    """The fields of Standard Webhooks; without a secret there is the id alone. ``now`` in Unix seconds."""
    if not secrets:
        return {"webhook-id": identifier}
    signed = f"{identifier}.{now}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{written}" for written in signatures),
    }


def _judged(status: int) -> HandedOver:
    if 200 <= status < 300:
        return Done()
    if status in _NEVER:
        return Never(f"the webhook answered {status}")
    return Later(f"the webhook answered {status}")
