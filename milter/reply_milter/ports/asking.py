"""What a flow asks, as values: whoever drives the flow asks, in its own way, and sends it the answer."""

from collections.abc import Callable, Generator
from typing import Any, Final, Generic, NamedTuple, TypeVar, final

from reply_milter.ports.store import Claim, Store

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


class Consult(NamedTuple):
    """Asks somebody else, who may keep us waiting as the store does. The answer is what ``call`` returns, or raises.

    No pipeline takes it: a thread that may wait makes the call.
    """

    call: Callable[[], Any]


Request = StoreRequest | Consult

# Steps that yield requests and return their outcome. They take the answer to each, or have thrown in what it raised.
Asking = Generator[Request, Any, T]


@final
class Pending(Generic[T]):
    """An answer that others must be asked for first: ``steps`` ask ``store``, or consult, and return it.

    They are driven to their end before the next step of the conversation, also when the MTA is gone meanwhile: a claim
    may have been made, which ``Conversation.failed`` then releases.
    """

    __slots__ = ("steps", "store")

    def __init__(self, steps: Asking[T], store: Store) -> None:
        self.steps: Final = steps
        self.store: Final = store
