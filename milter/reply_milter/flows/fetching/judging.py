"""Drive the milter's flow with a message out of a mailbox. Only here is it known how that flow is called."""

import json
from dataclasses import dataclass, field
from typing import Final

from reply_milter.core.fetching.presented import Fetched, sealed
from reply_milter.core.mail.headers import Insert
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject, Verdict
from reply_milter.flows.driving import settled
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.inbound import Connection

_NO_CLIENT: Final = ""  # nobody knows the client's address
_TO: Final = "to"


@dataclass(frozen=True, slots=True)
class Kept:
    """What SMTP accepts or parks. ``seal``: what is put on top of the message, as ``seal_of`` reads it."""

    seal: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """What SMTP answers with 5xx, or discards."""

    reason: Reason
    discards: bool = False


@dataclass(frozen=True, slots=True)
class Postponed:
    """What SMTP answers with 4xx. ``is_ours``: our own trouble is the reason, and not the operator's policy."""

    reason: Reason

    @property
    def is_ours(self) -> bool:
        """Whether it will pass by itself."""
        return self.reason in (Reason.STORE_UNAVAILABLE, Reason.PARKING_FULL, Reason.INTERNAL)


Judged = Kept | Refused | Postponed


def judge(service: Service, message: Fetched, addresses: tuple[str, ...], field_name: str) -> Judged:
    """Take a message through the milter's flow, as if it came by SMTP to ``addresses`` from an unknown client.

    The claim of what is kept stays reserved. ``field_name``: where the addresses stood; empty for To and Cc.
    """
    connection = Connection(lambda: service, _NO_CLIENT, field_name or _TO)
    if message.sender:
        connection.mail(message.sender)
    for address in addresses:
        answer = settled(connection.rcpt(f"<{address}>", None, over_smtp=True))
        if not isinstance(answer, Accept):
            return _judged(answer)
    for name, value in message.presented():
        connection.header(name, value)
    connection.body(message.body)
    answer = settled(connection.end_of_message(""))
    connection.done()
    return _judged(answer)


def with_seal(message: Fetched, seal: str) -> bytes:
    """The message as the hook gets it. ``seal``: of ``Kept``."""
    return sealed(message, [Insert(name, value) for name, value in json.loads(seal)])


def _judged(answer: Verdict) -> Judged:
    match answer:
        case Accept(edits=edits) | Park(edits=edits):
            return Kept(json.dumps([(edit.name, edit.value) for edit in edits if isinstance(edit, Insert)]))
        case Discard(reason):
            return Refused(reason, discards=True)
        case Reject(reason):
            return Refused(reason)
        case Defer(Reason.NOT_ALONE):  # SMTP clients send it once more to each alone; nobody does so here
            return Refused(Reason.NOT_ALONE)
        case Defer(reason):
            return Postponed(reason)
