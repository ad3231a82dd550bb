"""What a reply address is for, as an issue comment or a forum post."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reply_milter.core.verdict.destination import Destination
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping.wrap import Wrap

HANDLER_NAME = re.compile(r"[a-z0-9._-]{1,32}", re.ASCII)


class ContextKind(StrEnum):
    """What the 55-bit context holds: a digest of a Message-ID or of PLAIN, or a number of the application's."""

    THREAD = "thread"
    INTEGER = "integer"
    WRAPPED = "wrapped"


@dataclass(frozen=True, slots=True)
class Handler:
    """``id`` is what tokens carry; ``validity_days`` counts from the token's issue.

    ``destination`` None: accepted replies go where the MTA takes them. ``wrap``: of a handler whose context is
    ``wrapped``, and of no other. ``implied``: the hook's own, of which no table of the file says anything.
    """

    id: int
    name: str
    context: ContextKind
    validity_days: int
    enabled: bool
    expired_url: str
    policy: Policy
    destination: Destination | None = None
    wrap: Wrap | None = None
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Handlers:
    """All configured handlers. ``wrapped``: those enabled ones that stand for applications that know nothing of us."""

    by_id: Mapping[int, Handler]
    wrapped: tuple[Handler, ...] = ()

    @classmethod
    def of(cls, handlers: Iterable[Handler]) -> "Handlers":
        """Index ``handlers`` by number."""
        by_id = {handler.id: handler for handler in handlers}
        return cls(by_id, tuple(one for one in by_id.values() if one.wrap is not None and one.enabled))

    def named(self, name: str) -> Handler | None:
        """Return the handler called ``name``, or None."""
        return next((handler for handler in self.by_id.values() if handler.name == name), None)

    @property
    def names(self) -> list[str]:
        """The names that an operator has given, in alphabetical order."""
        return sorted(handler.name for handler in self.by_id.values() if not handler.implied)

    @property
    def longest_validity_days(self) -> int:
        """Of all handlers, in days."""
        return max((handler.validity_days for handler in self.by_id.values()), default=0)
