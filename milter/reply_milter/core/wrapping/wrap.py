"""What an operator says about one application that is wrapped: ``[handler.wrap]``, read."""

from dataclasses import dataclass
from enum import StrEnum

from reply_milter.core.native.verification import Verification
from reply_milter.core.token.address import RESERVED
from reply_milter.core.wrapping.pattern import Pattern
from reply_milter.core.wrapping.presets import Preset


class Road(StrEnum):
    """The class of a recipient that stands for an application's mailbox, and the ``class`` tag of a verdict.

    ``wrapped``: an address of ours; ``native``: the application's own; ``open``: one that anybody may write to;
    ``bounce``: one for delivery reports.
    """

    WRAPPED = "wrapped"
    NATIVE = "native"
    OPEN = "open"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True)
class Wrap:
    """One wrapped application. Addresses are normalised; all patterns match a whole address.

    ``senders``: envelope senders or authors of its notifications. ``copies``: journals, which get the mail too.
    ``store``: keep PLAIN in the store, too. ``bind_sender``: an address of ours is bound to whom it was sent.
    ``native_passes_until``: Unix seconds until which native addresses pass; 0: they are refused; None: they always
    pass. ``verification``: they are verified instead, and pass if they are genuine. ``outward`` False: no notification
    is wrapped, this handler only verifies.
    """

    preset: Preset
    address: Pattern
    senders: frozenset[str]
    copies: frozenset[str] = frozenset()
    store: bool = True
    bind_sender: bool = True
    native_passes_until: int | None = 0
    open: tuple[Pattern, ...] = ()
    bounces: tuple[Pattern, ...] = ()
    verification: Verification | None = None
    outward: bool = True

    @property
    def is_for_everybody(self) -> bool:
        """Whether the application has one address for all: each recipient's copy then gets one of ours."""
        return not self.address.has_key

    def passes(self, now: int) -> bool:
        """Whether native addresses pass at ``now`` (Unix seconds)."""
        return self.native_passes_until is None or now < self.native_passes_until

    def native_form(self, local: str, domain: str) -> bool:
        """Whether an address is the application's own, in any case: a whole match, or a name of its mailbox.

        That is what stands before the key without its last delimiter, alone or with the delimiter and anything behind.
        Reserved names (RFC 2142) never are: their mail is for people.
        """
        return local.casefold() not in RESERVED and self.address.is_native(local, domain)
