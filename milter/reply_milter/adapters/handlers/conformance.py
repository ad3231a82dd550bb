"""Test an endpoint: it must accept what is signed, have one effect per id, and refuse everything else."""

import secrets
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPException

from reply_milter.adapters.handlers.check import Check
from reply_milter.adapters.handlers.http_post import NoAnswerError
from reply_milter.adapters.handlers.webhook import post, signature
from reply_milter.core.delivery import payload
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.core.encoding import base32
from reply_milter.core.verdict.destination import Format, Webhook
from reply_milter.ports import Clock
from reply_milter.ports.delivery import Names

_ID_LENGTH = 26
_ID_BITS = 5 * _ID_LENGTH
_STALE_SECONDS = 3600  # Standard Webhooks allows five minutes
_AT_ONCE = 4
_DIRECTLY = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
)  # like replies, without the proxy of the environment


class ConformanceRun:
    """Posts sample replies. ``count_url``: answers with the number of effects of a reply, with its id for ``{id}``."""

    def __init__(self, webhook: Webhook, clock: Clock, count_url: str, names: Names) -> None:
        self._names = names
        self._webhook = webhook
        self._clock = clock
        self._count_url = count_url

    def run(self) -> Iterator[Check]:
        """Run all tests that the settings allow."""
        taken, refused = _new_id(), _new_id()
        first = self._takes("takes a reply", taken, "it must answer 2xx once the reply is stored")
        if not first.heard.isdigit():
            yield replace(first, advice="there is no answer, so nothing more was tried")
            return
        yield first
        yield self._takes(
            "takes the same reply again", taken, "an id that is there already is success: answer 2xx, and do nothing"
        )
        yield self._takes_at_once(at_once := _new_id())
        if self._webhook.secrets:
            yield from self._refusals(refused)
        if self._count_url:
            yield self._counts("one effect of a reply that came twice", taken, 1)
            yield self._counts(f"one effect of a reply that came {_AT_ONCE} times at once", at_once, 1)
            if self._webhook.secrets:
                yield self._counts("no effect of what was to be refused", refused, 0)

    def _takes(self, name: str, identifier: str, advice: str) -> Check:
        heard = self._post(identifier)
        return Check(name, heard.startswith("2"), heard, advice)

    def _takes_at_once(self, identifier: str) -> Check:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            heard = list(threads.map(self._post, [identifier] * _AT_ONCE))
        good = any(answer.startswith("2") for answer in heard) and not any(answer in _NEVER for answer in heard)
        advice = "one at least must be 2xx, and the others 2xx, 409 or 5xx: a unique constraint on the id does it"
        return Check("takes a reply that comes several times at once", good, ", ".join(heard), advice)

    def _refusals(self, identifier: str) -> Iterator[Check]:
        """Post what must be refused. An endpoint that accepts it accepts it from anybody who knows its URL."""
        wrong = (secrets.token_bytes(32),)
        stale = self._clock.now() - _STALE_SECONDS
        yield self._refuses("a wrong signature", self._post(identifier, keys=wrong), "compare webhook-signature")
        yield self._refuses("no signature", self._post(identifier, keys=()), "ask for webhook-signature")
        yield self._refuses("a signature of an hour ago", self._post(identifier, at=stale), "compare webhook-timestamp")

    def _refuses(self, name: str, heard: str, advice: str) -> Check:
        return Check(f"refuses {name}", heard.startswith("4"), heard, f"{advice}, and answer 401")

    def _counts(self, name: str, identifier: str, wanted: int) -> Check:
        url = self._count_url.replace("{id}", identifier)
        try:
            with _DIRECTLY.open(url, timeout=self._webhook.timeout_seconds) as answer:
                heard = answer.read(64).decode("ascii", "replace").strip()
        except (OSError, ValueError, HTTPException) as error:
            heard = type(error).__name__
        return Check(
            name,
            heard == str(wanted),
            heard,
            "store the id with the post, in one transaction, under a unique constraint",
        )

    def _post(self, identifier: str, keys: tuple[bytes, ...] | None = None, at: int | None = None) -> str:
        now = self._clock.now()
        reply = sample_reply(identifier, now)
        raw = self._webhook.format is Format.RAW
        body = reply.envelope.message if raw else payload.write(reply)
        used = self._webhook.secrets if keys is None else keys
        try:
            return str(
                post(self._webhook, body, signature(used, identifier, now if at is None else at, body), self._names)
            )
        except NoAnswerError as error:
            return str(error)


_NEVER = frozenset({"400", "403", "406", "410", "413", "415", "422"})


def _new_id() -> str:
    return base32.from_int(secrets.randbits(_ID_BITS), _ID_LENGTH)
