"""Hand replies over to a webhook, signed as Standard Webhooks. What an answer means: ``http_post``."""

import base64
import hashlib
import hmac

from reply_milter.adapters.handlers.http_post import hand_over
from reply_milter.adapters.handlers.http_post import post as http_post
from reply_milter.core.delivery import payload
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.verdict.destination import Format, Webhook
from reply_milter.ports import Clock
from reply_milter.ports.delivery import Names

_TYPES = {Format.JSON: "application/json", Format.RAW: "message/rfc822"}
_WHO = "the webhook"


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
        webhook = self._webhook
        body = reply.envelope.message if webhook.format is Format.RAW else payload.write(reply)
        fields = _fields(webhook, signature(webhook.secrets, reply.id, self._clock.now(), body))
        return hand_over(_WHO, webhook.url, webhook.timeout_seconds, body, fields, self._names)


def post(webhook: Webhook, body: bytes, signed: dict[str, str], names: Names) -> int:
    """POST ``body`` with the fields of its signature, and return the status of the answer.

    Raises:
        NoAnswerError: there was no answer in time.
    """
    return http_post(_WHO, webhook.url, webhook.timeout_seconds, body, _fields(webhook, signed), names)


def _fields(webhook: Webhook, signed: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": _TYPES[webhook.format], **signed}


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
