"""Everything that lives as long as one outgoing message. Replaced, never cleared."""

from dataclasses import dataclass, field

from reply_milter.core.mail import headers
from reply_milter.core.verdict.handler import Handler
from reply_milter.flows.service import MintingService
from reply_milter.ports import NO_LOGIN, Login, Minting, Notification

_OFTEN = headers.FIELDS_LIMIT
_TAKEN_OFF = frozenset({headers.MINT.lower(), *(name.lower() for name in headers.DROPPED)})
_AUTHORS = 16  # From fields that are read of a header that is too large


@dataclass(slots=True)
class Message:
    """One message. ``sender``: the argument of MAIL. ``wrapped``: handlers that may concern it, and their application.

    ``header``: all fields but those that are taken off anyhow, kept only if a wrapped handler may concern it;
    ``header_size`` in characters.
    """

    service: MintingService
    login: Login = NO_LOGIN
    sender: str = ""
    wrapped: tuple[tuple[Handler, str], ...] = ()
    recipients: dict[str, str] = field(default_factory=dict)  # the address to bind, by the client's spelling
    fields: dict[str, list[str]] = field(default_factory=dict, repr=False)  # may hold a secret
    trace: str = ""  # the first field that shows that it was sent before
    header: list[tuple[str, str]] = field(default_factory=list, repr=False)
    header_size: int = 0
    late_authors: list[str] = field(default_factory=list, repr=False)  # behind what was kept
    outcomes: list[Notification] = field(default_factory=list)
    left: list[int] = field(default_factory=list)  # the handlers for which it leaves wrapped

    @property
    def null_sender(self) -> bool:
        """Whether MAIL names nobody, or there was none."""
        return self.sender in ("<>", "")

    @property
    def requests(self) -> list[str]:
        """The values of all X-Reply-Mint fields."""
        return self.fields.get(headers.MINT.lower(), [])

    @property
    def stripping(self) -> tuple[headers.Edit, ...]:
        """The edits that remove them."""
        return headers.strip(headers.MINT, len(self.requests))

    @property
    def dropping(self) -> tuple[headers.Edit, ...]:
        """What takes off the fields that must leave with no message."""
        counted = ((name, len(self.fields.get(name.lower(), ()))) for name in headers.DROPPED)
        return tuple(edit for name, count in counted for edit in headers.strip(name, count))

    @property
    def flooded(self) -> str:
        """The name of a field that stands there too often to be taken off: an MTA takes minutes; empty if none does."""
        often = (name for name in (headers.MINT, *headers.DROPPED) if len(self.fields.get(name.lower(), ())) > _OFTEN)
        return next(often, "")

    @property
    def is_too_large(self) -> bool:
        """Whether the header was not kept whole."""
        return self.header_size > headers.OCTETS_LIMIT or len(self.header) > headers.FIELDS_LIMIT

    @property
    def has_minted(self) -> bool:
        """Whether the request in it was granted."""
        return any(outcome.outcome is Minting.MINTED for outcome in self.outcomes)

    def take(self, name: str, value: str) -> None:
        """Take one field."""
        known = name.lower()
        if known in headers.READ_OUTBOUND:
            self.fields.setdefault(known, []).append(value)
        self.trace = self.trace or headers.trace_of(known)
        if self.wrapped and known not in _TAKEN_OFF:
            self.header_size += len(name) + len(value)
            if not self.is_too_large:
                self.header.append((name, value))
            elif known == "from" and len(self.late_authors) < _AUTHORS:
                self.late_authors.append(value)

    def report(self) -> None:
        """Tell what became of it, once the answer is about to go to the MTA."""
        for handler_id in self.left:
            self.service.mark.note(handler_id)
        for outcome in self.outcomes:
            self.service.telemetry.notification(outcome)
