"""Negotiation (SMFIC_OPTNEG): what an MTA offers, and what we take of it."""

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

_OPTIONS: Final = Struct("!III")
VERSION: Final = 6
_OLDEST: Final = 2
_VERSIONS_END: Final = 1 << 31  # to libmilter, the number has a sign


class Step:
    """SMFIP: steps that the MTA leaves out, and answers that it does not wait for. Plain numbers: each command asks."""

    NO_HELO: Final = 0x2
    NO_BODY: Final = 0x10
    NO_END_OF_HEADER: Final = 0x40
    SILENT_HEADER: Final = 0x80
    NO_UNKNOWN: Final = 0x100
    NO_DATA: Final = 0x200
    SKIP: Final = 0x400
    SILENT_CONNECT: Final = 0x1000
    SILENT_MAIL: Final = 0x4000
    SILENT_END_OF_HEADER: Final = 0x40000
    SILENT_BODY: Final = 0x80000


class Action:
    """SMFIF: what a milter may do with a message."""

    ADD_HEADERS: Final = 0x1
    DELETE_RECIPIENTS: Final = 0x8
    CHANGE_HEADERS: Final = 0x10
    QUARANTINE: Final = 0x20


_FIRST_EDITS: Final = 0xF  # SMFI_V1_ACTS: what an MTA can that names nothing
_FIRST_STEPS: Final = 0x3F  # SMFI_V1_PROT
EDIT_HEADERS: Final = Action.ADD_HEADERS | Action.CHANGE_HEADERS


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kind of milter asks of the MTA: the ``steps`` that it does not need, the ``actions`` that it needs."""

    steps: int
    actions: int

    def choose(self, offered: int, over_tcp: bool, early: bool) -> int:
        """Return the steps for a session with an MTA that has ``offered`` these.

        Over TCP we answer DATA, whoever the MTA is. Postfix sends the macros of DATA in any case; unanswered, they are
        acknowledged after 40 ms, and what it writes behind them waits for that.

        ``early``: DATA may end a message, so only replies have their body sent; its pieces then need no answer. An MTA
        that cannot leave DATA out is too old to have it: nothing changes for its sessions.

        DATA takes the end of the header with it: in libmilter, a body may follow RCPT or a header, but not DATA. A
        message without any header field would never get its answer.
        """
        steps = offered & self.steps
        early = early and bool(offered & Step.NO_DATA)
        if over_tcp or early:
            steps = steps & ~(Step.NO_DATA | Step.NO_END_OF_HEADER) | offered & Step.SILENT_END_OF_HEADER
        if early:
            steps = steps & ~Step.SKIP | offered & Step.SILENT_BODY
        return steps


_NEVER: Final = Step.NO_HELO | Step.NO_UNKNOWN | Step.NO_DATA | Step.NO_END_OF_HEADER
_SILENT: Final = Step.SILENT_CONNECT | Step.SILENT_MAIL | Step.SILENT_HEADER
TO_VERIFY: Final = Needs(
    steps=_NEVER | Step.SKIP | _SILENT,
    actions=EDIT_HEADERS | Action.DELETE_RECIPIENTS | Action.QUARANTINE,
)
TO_SIGN: Final = Needs(steps=_NEVER | Step.NO_BODY | _SILENT, actions=EDIT_HEADERS)


class Offer(NamedTuple):
    """What an MTA offers."""

    version: int
    actions: int
    steps: int

    @property
    def edits_headers(self) -> bool:
        """Whether the MTA lets us add and change header fields."""
        return self.actions & EDIT_HEADERS == EDIT_HEADERS


def offer(data: bytes) -> Offer | None:
    """Read an MTA's offer; None where it is too short, or older than the protocol's second version.

    An MTA that names no action or no step can do what the first version of the protocol could.
    """
    if len(data) < _OPTIONS.size:
        return None
    version, actions, steps = _OPTIONS.unpack_from(data)
    if not _OLDEST <= version < _VERSIONS_END:
        return None
    return Offer(min(version, VERSION), actions or _FIRST_EDITS, steps or _FIRST_STEPS)


def accepted(offered: Offer, actions: int, steps: int) -> bytes:
    """Return the data of our answer to an offer."""
    return _OPTIONS.pack(offered.version, actions, steps)
