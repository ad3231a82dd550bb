"""Why a message is not simply accepted: the one table of reasons, with what is said and what may be done about each.

A reason is metric label, log key, policy key and verdict tag at once. Texts are constants without ``%``, CR and LF
(libmilter takes a reply as a format string), but for a date and a URL from the configuration; no text holds anything
that the client sent. Before a good checksum no text names the check that failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Final

from reply_milter.core.verdict.answer import Action, SmtpReply
from reply_milter.core.verdict.cause import Cause as Cause


class Reason(StrEnum):
    """Why a verdict is what it is. ``REASONS`` says everything about each."""

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
    NATIVE = "native"
    INTERNAL = "internal"


class FoundIn(Enum):
    """Where a reason is found."""

    ADDRESS = "at RCPT, in an address without a good checksum"
    TOKEN = "at RCPT or end of message, about a token with a good checksum"  # noqa: S105 # no secret
    MESSAGE = "at end of message, about the message itself or its claim"
    PARKING = "at end of message, about one that would be parked"
    APPLICATION = "at RCPT, in an application's own address"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Everything that the code needs to know of one reason.

    ``checks``: numbers of the checks that find it, as in docs/flow.md. ``before_author``: decided before the author is
    looked at, so that an answer tells a guesser nothing. ``allowed``: what the operator may choose under [policy];
    empty: no key there. ``default``: the action where nothing is written, but where ``follows`` names another reason:
    then that one's action.
    """

    reply: SmtpReply
    checks: tuple[int, ...] = ()
    found_in: frozenset[FoundIn] = frozenset()
    before_author: bool = False
    allowed: frozenset[Action] = frozenset()
    default: Action = Action.REJECT
    follows: Reason | None = None


def _reject(text: str) -> SmtpReply:
    return SmtpReply("550", "5.7.1", text)


INVALID: Final = _reject("This reply address is not valid")
MISSPELT: Final = SmtpReply("550", "5.1.3", "Bad recipient address syntax")
MALFORMED_MESSAGE: Final = _reject(
    "A reply needs one From with one address, no repeated header fields and a header of normal size"
)
# The user can do that: the next notification bears a new address.
GUESSED: Final = _reject("Too many senders used this reply address; answer the latest notification instead")
NOT_THE_NOTIFICATION: Final = _reject("Answer the notification itself")  # of a wrapped address without its capsule
_ONE_ADDRESS: Final = "Only one reply address per message; send a separate message to each"
NOT_ALONE_LOCALLY: Final = SmtpReply("550", "5.5.3", _ONE_ADDRESS)
_WRONG_AUTHOR: Final = _reject("Reply from the address that the notification was sent to")
_RECEIVED: Final = _reject("This message was already received")

_REFUSED: Final = frozenset({Action.REJECT, Action.DEFER})  # nothing else is known of mail without a good checksum
_ANY: Final = frozenset(Action)
_ADDRESS: Final = frozenset({FoundIn.ADDRESS})
_TOKEN: Final = frozenset({FoundIn.TOKEN})
_MESSAGE: Final = frozenset({FoundIn.MESSAGE})
_APPLICATION: Final = frozenset({FoundIn.APPLICATION})

REASONS: Final[Mapping[Reason, About]] = {
    Reason.OK: About(reply=_reject("This message is not accepted as a reply"), default=Action.ACCEPT),  # never said
    Reason.MALFORMED: About(
        checks=(1, 3, 9), found_in=_ADDRESS | _MESSAGE, before_author=True, reply=INVALID, allowed=_REFUSED
    ),
    Reason.NOT_ALONE: About(
        checks=(2,),
        found_in=_ADDRESS,
        before_author=True,
        reply=SmtpReply("452", "4.5.3", _ONE_ADDRESS),
        default=Action.DEFER,
    ),
    Reason.FORGED: About(checks=(4,), found_in=_ADDRESS | _TOKEN, before_author=True, reply=INVALID, allowed=_REFUSED),
    Reason.THROTTLED: About(
        checks=(5,),
        found_in=_ADDRESS,
        before_author=True,
        reply=SmtpReply("451", "4.7.1", "Too many invalid reply addresses from your network; try again later"),
        default=Action.DEFER,
    ),
    Reason.EXPIRED: About(
        checks=(6,), found_in=_TOKEN, before_author=True, reply=_reject("This reply address expired"), allowed=_ANY
    ),
    Reason.REVOKED: About(checks=(7,), found_in=_TOKEN, before_author=True, reply=INVALID, allowed=_ANY),
    Reason.STORE_UNAVAILABLE: About(
        checks=(8,),
        found_in=_TOKEN,
        before_author=True,
        reply=SmtpReply("451", "4.3.0", "This reply cannot be checked at the moment; try again later"),
        default=Action.DEFER,
    ),
    Reason.TOO_LARGE: About(
        checks=(10,),
        found_in=_MESSAGE,
        before_author=True,
        reply=SmtpReply("552", "5.3.4", "This message is too large for a reply"),
        allowed=_ANY,
    ),
    Reason.AUTO_REPLY: About(
        checks=(11,),
        found_in=_MESSAGE,
        before_author=True,
        reply=_reject("Automatic messages are not accepted as replies"),
        allowed=_ANY,
        default=Action.DISCARD,
    ),
    Reason.BOUNCE: About(
        checks=(12,),
        found_in=_MESSAGE,
        before_author=True,
        reply=_reject("Delivery reports are not accepted as replies"),
        allowed=_ANY,
    ),
    Reason.LOOP: About(
        checks=(13,),
        found_in=_MESSAGE,
        before_author=True,
        reply=_reject("A reply must not have a reply address in From, Sender or Reply-To"),
        allowed=_ANY,
    ),
    Reason.THREAD_MISMATCH: About(
        checks=(14,),
        found_in=_MESSAGE,
        before_author=True,
        reply=_reject("This address answers another message; use Reply on that message"),
        allowed=_ANY,
    ),
    Reason.THREAD_ABSENT: About(
        checks=(14,),
        found_in=_MESSAGE,
        before_author=True,
        reply=_reject("Use Reply on the message that you want to answer"),
        allowed=_ANY,
    ),
    Reason.SENDER_MISMATCH: About(checks=(16,), found_in=_MESSAGE, reply=_WRONG_AUTHOR, allowed=_ANY),
    Reason.SENDER_UNKNOWN: About(
        checks=(16,), found_in=_MESSAGE, reply=_WRONG_AUTHOR, allowed=_ANY, default=Action.ACCEPT
    ),
    Reason.AUTH_FAIL: About(
        checks=(17,),
        found_in=_MESSAGE,
        reply=_reject("Neither DMARC nor DKIM confirms your address; send through the provider of that address"),
        allowed=_ANY,
        default=Action.ACCEPT,
    ),
    Reason.AUTH_NONE: About(
        checks=(17,),
        found_in=_MESSAGE,
        reply=_reject("No DMARC or DKIM result confirms your address; send through the provider of that address"),
        allowed=_ANY,
        follows=Reason.AUTH_FAIL,  # who wants proof does not want silence either
    ),
    Reason.SPENT: About(
        checks=(18,), found_in=_MESSAGE, reply=_reject("This reply address takes no more replies"), allowed=_ANY
    ),
    Reason.LEAKED: About(
        checks=(15, 18),
        found_in=_MESSAGE,
        reply=_reject("This reply address was used by too many senders"),
        allowed=_ANY,
    ),
    Reason.DUPLICATE: About(checks=(19,), found_in=_MESSAGE, reply=_RECEIVED, allowed=_ANY),
    Reason.REPLAYED: About(checks=(19,), found_in=_MESSAGE, reply=_RECEIVED, allowed=_ANY),
    Reason.PARKING_FULL: About(
        checks=(20,),
        found_in=frozenset({FoundIn.PARKING}),
        reply=SmtpReply("452", "4.3.1", "Too many replies are waiting for this user to confirm them; try again later"),
        default=Action.DEFER,
    ),
    Reason.NATIVE: About(
        checks=(21,),
        found_in=_APPLICATION,
        before_author=True,
        reply=_reject("Answer the notification that you got; your answer to its own address is enough"),
    ),
    Reason.INTERNAL: About(
        reply=SmtpReply("451", "4.3.0", "This message cannot be checked at the moment; try again later"),
        default=Action.DEFER,
    ),
}


def reply_for(reason: Reason) -> SmtpReply:
    """Return the standing words for ``reason``."""
    return REASONS[reason].reply


def expired_reply(expires: int, url: str) -> SmtpReply:
    """Return the words for an expired address.

    ``expires`` in Unix seconds; ``url`` may be empty, and is checked when the configuration is read.
    """
    day = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d")
    where = f"; see {url}" if url else ""
    return _reject(f"{reply_for(Reason.EXPIRED).text} on {day}{where}")
