"""What a flow asks the store, as values: whoever drives the flow asks, in its own way, and sends it the answer."""

from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

from reply_milter.ports.store import Claim

T = TypeVar("T")


class FactsOf(NamedTuple):
    """Asks what is known about a token; the answer is ``Facts``. See ``Store.facts``."""

    user: int
    handler: int
    context: int
    token_id: str
    wrapped: bool


class Release(NamedTuple):
    """Asks for a reservation to be forgotten; the answer is None. See ``Store.release``."""

    claim: Claim


# A ``Claim`` is a request of its own; the answer is ``Claimed``.
StoreRequest = FactsOf | Claim | Release

# Steps that yield requests and return their outcome. They take the answer to each request, or StoreUnavailableError.
Asking = Generator[StoreRequest, Any, T]
