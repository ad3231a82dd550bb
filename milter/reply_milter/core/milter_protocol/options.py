"""Negotiation (SMFIC_OPTNEG): what an MTA offers, and what we take of it."""

from dataclasses import dataclass
from enum import IntFlag
from struct import Struct
from typing import Final, NamedTuple

_OPTIONS: Final = Struct("!III")
VERSION: Final = 6
_OLDEST: Final = 2


class Step(IntFlag):
    """SMFIP: steps that the MTA leaves out, and answers that it does not wait for."""

    NO_CONNECT = 0x1
    NO_HELO = 0x2
    NO_MAIL = 0x4
    NO_RCPT = 0x8
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_END_OF_HEADER = 0x40
    SILENT_HEADER = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    SILENT_CONNECT = 0x1000
    SILENT_MAIL = 0x4000
    SILENT_END_OF_HEADER = 0x40000
    SILENT_BODY = 0x80000


class Edit(IntFlag):
    """SMFIF: what a milter may do with a message."""

    ADD_HEADERS = 0x1
    CHANGE_BODY = 0x2
    ADD_RECIPIENTS = 0x4
    DELETE_RECIPIENTS = 0x8
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20


_FIRST_EDITS: Final = 0xF  # SMFI_V1_ACTS: what an MTA can that names nothing
_FIRST_STEPS: Final = 0x3F  # SMFI_V1_PROT
EDIT_HEADERS: Final = Edit.ADD_HEADERS | Edit.CHANGE_HEADERS


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
            steps = steps & ~int(Step.NO_DATA | Step.NO_END_OF_HEADER) | offered & int(Step.SILENT_END_OF_HEADER)
        if early:
            steps = steps & ~int(Step.SKIP) | offered & int(Step.SILENT_BODY)
        return steps


_NEVER: Final = Step.NO_HELO | Step.NO_UNKNOWN | Step.NO_DATA | Step.NO_END_OF_HEADER
_SILENT: Final = Step.SILENT_CONNECT | Step.SILENT_MAIL | Step.SILENT_HEADER
TO_VERIFY: Final = Needs(
    steps=int(_NEVER | Step.SKIP | _SILENT),
    actions=int(EDIT_HEADERS | Edit.DELETE_RECIPIENTS | Edit.QUARANTINE),
)
TO_SIGN: Final = Needs(steps=int(_NEVER | Step.NO_BODY | _SILENT), actions=int(EDIT_HEADERS))


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
    if version < _OLDEST:
        return None
    return Offer(min(version, VERSION), actions or _FIRST_EDITS, steps or _FIRST_STEPS)


def accepted(offered: Offer, actions: int, steps: int) -> bytes:
    """Return the data of our answer to an offer."""
    return _OPTIONS.pack(offered.version, actions, steps)
