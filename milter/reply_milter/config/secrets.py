"""Secrets that the configuration file itself contains."""

import re
from collections.abc import Iterator

from reply_milter.config import Config
from reply_milter.core.verdict.destination import Webhook

_PASSWORD = re.compile(r"//[^/?#]*:[^/?#]+@|[?&]password=[^&#]")  # RFC 3986 section 3.2.1; or an option of redis-py's


def held_secrets(config: Config) -> Iterator[str]:
    """Yield where the text itself holds a secret. Key files are not part of it."""
    if _PASSWORD.search(config.store.url):
        yield "the password in store.url"
    for handler in config.handlers.by_id.values():
        if isinstance(handler.destination, Webhook):
            if handler.destination.secrets:
                yield f"the webhook secret of the handler {handler.name}"
            if _PASSWORD.search(handler.destination.url):
                yield f"the password in the webhook's URL of the handler {handler.name}"
