"""What can become of a mail, why, and the words for the client.

A fate is a value, never an exception. Reasons are metric label, log key and verdict tag at once. Reply codes are
RFC 5321's, enhanced codes RFC 3463's. Texts are constants without ``%``, CR and LF (libmilter takes a reply as a format
string), but for a date and a URL from the configuration; no text holds anything that the client sent.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from reply_milter.core.mail.headers import Edit


class Reason(StrEnum):
    """Why a verdict is what it is."""

    OK = "ok"
    MALFORMED = "malformed"
    NOT_ALONE = "not_alone"
    FORGED = "forged"
    THROTTLED = "throttled"
    EXPIRED = "expired"
    REVOKED = "revoked"
    STORE_UNAVAILABLE = "store_unavailable"
    TOO_LARGE = "too_large"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LOOP = "loop"
    THREAD_MISMATCH = "thread_mismatch"
    THREAD_ABSENT = "thread_absent"
    SENDER_MISMATCH = "sender_mismatch"
    SENDER_UNKNOWN = "sender_unknown"
    AUTH_FAIL = "auth_fail"
    AUTH_NONE = "auth_none"
    PARKING_FULL = "parking_full"
    SPENT = "spent"
    LEAKED = "leaked"
    DUPLICATE = "duplicate"
    REPLAYED = "replayed"
    INTERNAL = "internal"


class Cause(StrEnum):
    """What stands behind a reason that covers several checks. For operators: clients hear one text for all of them."""

    CHECKSUM = "checksum"
    HANDLER = "handler"
    FUTURE = "future"
    USER_DISABLED = "user_disabled"
    TOKEN = "token"  # noqa: S105 # no secret
    USER = "user"
    OBJECT = "object"
    BEFORE = "before"
    WRONG_AUTHORS = "wrong_authors"  # so many others wrote to the address that it may not be guessed at any longer


class Action(StrEnum):
    """What a policy does about a reason."""

    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"
    DISCARD = "discard"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """What the SMTP client hears: ``550``, ``5.7.1``, one line of text."""

    code: str
    enhanced: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


@dataclass(frozen=True, slots=True)
class Accept:
    """Go on, after making ``edits`` in order. Also the answer for what is none of our business."""

    reason: Reason = Reason.OK
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse for good (5xx): the same message will never become valid.

    ``edits`` are made before: what the MTA sends back of a message that was handed in locally has them.
    """

    reason: Reason
    reply: SmtpReply
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Defer:
    """Ask the client to try again (4xx): not decided, or not this way."""

    reason: Reason
    reply: SmtpReply


@dataclass(frozen=True, slots=True)
class Discard:
    """Say yes and throw away: for what a refusal would turn into a bounce to an innocent."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Park:
    """Keep it in the MTA's hold queue, sealed as ``result=park``."""

    reason: Reason
    edits: tuple[Edit, ...]


Verdict = Accept | Reject | Defer | Discard | Park

INVALID = SmtpReply("550", "5.7.1", "This reply address is not valid")
NOT_ALONE_LOCALLY = SmtpReply("550", "5.5.3", "One reply address a message: send it to each by itself")
MISSPELT = SmtpReply("550", "5.1.3", "Bad recipient address syntax")
_RECEIVED = SmtpReply("550", "5.7.1", "This message was already received")

_REPLIES: dict[Reason, SmtpReply] = {
    Reason.MALFORMED: INVALID,
    Reason.FORGED: INVALID,
    Reason.REVOKED: INVALID,
    Reason.NOT_ALONE: SmtpReply("452", "4.5.3", "One reply address a message: send it to this one by itself"),
    Reason.THROTTLED: SmtpReply("451", "4.7.1", "Too many invalid reply addresses from your network, try again later"),
    Reason.STORE_UNAVAILABLE: SmtpReply("451", "4.3.0", "This reply can not be checked at the moment, try again later"),
    Reason.INTERNAL: SmtpReply("451", "4.3.0", "This mail can not be checked at the moment, try again later"),
    Reason.TOO_LARGE: SmtpReply("552", "5.3.4", "This message is larger than a reply may be"),
    Reason.AUTO_REPLY: SmtpReply("550", "5.7.1", "Automatic messages are not taken as replies"),
    Reason.BOUNCE: SmtpReply("550", "5.7.1", "Delivery reports are not taken as replies"),
    Reason.LOOP: SmtpReply("550", "5.7.1", "A reply address can not be the author of a reply"),
    Reason.THREAD_MISMATCH: SmtpReply(
        "550", "5.7.1", "This address answers another message: use Reply on that message"
    ),
    Reason.THREAD_ABSENT: SmtpReply("550", "5.7.1", "Use Reply on the message that you want to answer"),
    Reason.SENDER_MISMATCH: SmtpReply("550", "5.7.1", "Write from your own address, to which we wrote"),
    Reason.SENDER_UNKNOWN: SmtpReply("550", "5.7.1", "Write from your own address, to which we wrote"),
    Reason.AUTH_FAIL: SmtpReply(
        "550", "5.7.1", "Neither DMARC nor DKIM vouches for your address: send through its own provider"
    ),
    Reason.AUTH_NONE: SmtpReply(
        "550", "5.7.1", "No result of DMARC or DKIM vouches for your address: send through its own provider"
    ),
    Reason.PARKING_FULL: SmtpReply(
        "452", "4.3.1", "Too many replies wait to be confirmed by the user that they are from, try again later"
    ),
    Reason.SPENT: SmtpReply("550", "5.7.1", "This reply address has taken all the replies that it may take"),
    Reason.LEAKED: SmtpReply("550", "5.7.1", "This reply address was used by too many senders"),
    Reason.DUPLICATE: _RECEIVED,
    Reason.REPLAYED: _RECEIVED,
}
MALFORMED_MESSAGE = SmtpReply(
    "550", "5.7.1", "A reply needs one From with one address and no doubled or endless header fields"
)
# What its user can do: the next notification bears a new address.
GUESSED = SmtpReply("550", "5.7.1", "Too many senders used this reply address: answer the latest notification instead")
_NO_PARTICULAR_REASON = SmtpReply("550", "5.7.1", "This message is not taken as a reply")


def expired_reply(expires: int, url: str) -> SmtpReply:
    """``expires`` in Unix seconds; ``url`` may be empty, and is checked when the configuration is read."""
    day = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d")
    where = f"; see {url}" if url else ""
    return SmtpReply("550", "5.7.1", f"This reply address expired on {day}{where}")


def reply_for(reason: Reason) -> SmtpReply:
    """The standing words for ``reason``."""
    return _REPLIES.get(reason, _NO_PARTICULAR_REASON)


def refusal(action: Action, reason: Reason, reply: SmtpReply) -> Reject | Defer | Discard:
    """Turn ``action`` into a verdict; a standing 4xx reply stays one, whatever its code."""
    if action is Action.DISCARD:
        return Discard(reason)
    if reply.code.startswith("4"):
        return Defer(reason, reply)
    if action is Action.DEFER:
        return Defer(reason, SmtpReply("451", "4.7.1", reply.text))
    return Reject(reason, reply)
