"""One message of a mailbox: read it, judge it, hand it over. Moves nothing, and records nothing in ``FetchRecord``."""

from dataclasses import dataclass, field, replace

from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.core.fetching.presented import Fetched
from reply_milter.core.fetching.recipients import Known, Recipients, recipients
from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable, open_reply
from reply_milter.core.verdict.reasons import Reason
from reply_milter.flows.delivering.delivery import deliver_opened
from reply_milter.flows.fetching.judging import Kept, Postponed, Refused, judge, with_seal
from reply_milter.flows.fetching.reading import Gone, Oversize, Unread, read_header, read_whole
from reply_milter.flows.fetching.service import FetchService
from reply_milter.ports.delivery import Progress
from reply_milter.ports.fetching import OpenMessage

_REFUSED_READS = 5  # after so many, the server will not give the message
_OBSERVED = (Undeliverable.OBSERVED, Undeliverable.NO_TOKEN)


@dataclass(frozen=True, slots=True)
class Ready:
    """An accepted reply that is to be handed over."""

    message: OpenMessage
    sealed: SealedReply
    envelope: Envelope = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a message. ``verdict`` None: it is gone from the mailbox. ``is_old``: that was decided before."""

    message: OpenMessage
    verdict: FetchVerdict | None
    reason: str = ""
    why: str = ""
    is_old: bool = False


def known_end(service: FetchService, message: OpenMessage) -> Ended | None:
    """Return what became of an accepted reply at an earlier look; None if it has to be read."""
    known = settled(service, message.id) if message.id else None
    return Ended(message, known, is_old=True) if known is not None else None


def prepare(service: FetchService, message: OpenMessage, beginning: bytes | None = None) -> Ready | Ended:
    """Read and judge a message. One that was accepted before is not judged again, however long its delivery took.

    ``beginning``: of ``read_beginnings``, if that has it.
    """
    service.telemetry.started()
    try:
        return _prepare(service, message, beginning)
    except Gone:
        return Ended(message, None)
    except Oversize:
        return _unreadable(service, message, Reason.TOO_LARGE)
    except Unread as error:
        if error.is_ours and message.tries >= _REFUSED_READS:
            return _unreadable(service, message, "", str(error))
        return Ended(message, FetchVerdict.DEFERRED, why=str(error))


def hand_over(service: FetchService, ready: Ready) -> Ended:
    """Hand an accepted reply to the hook's flow, in this process."""
    try:
        outcome = deliver_opened(service.delivering, ready.sealed, ready.envelope)
    except Exception as error:  # noqa: BLE001 # logged with its traceback
        service.telemetry.internal_error()
        return Ended(ready.message, FetchVerdict.DEFERRED, why=f"the delivery failed: {type(error).__name__}")
    match outcome:
        case Later(why):
            return Ended(ready.message, FetchVerdict.DEFERRED, why=why)
        case Done() | Never():
            verdict = settled(service, ready.message.id)
            return Ended(ready.message, verdict or FetchVerdict.DEFERRED, why=getattr(outcome, "why", ""))


def settled(service: FetchService, identifier: str) -> FetchVerdict | None:
    """What the hook has on record of an accepted reply; None if it has to be handed over."""
    hook = service.delivering
    match hook.ledger.entry(identifier).progress:
        case Progress.DONE:
            return FetchVerdict.DELIVERED
        case Progress.DEAD:
            dead = hook.dead_letters.find(identifier) is not None
            return FetchVerdict.DEAD_LETTER if dead else FetchVerdict.DISCARDED
        case Progress.NEW | Progress.TRIED:
            return FetchVerdict.PARKED if hook.parking.find(identifier) is not None else None


def _prepare(service: FetchService, message: OpenMessage, beginning: bytes | None) -> Ready | Ended:
    header = read_header(service.mailbox, message.uid, beginning)
    found = recipients(header.fields, service.rules.field, _known(service))
    if not found and not message.seal:
        return Ended(message, FetchVerdict.ORDINARY)
    if not found.is_single and not message.seal:
        return _refused(service, message, Reason.NOT_ALONE, "several fields or addresses say where it was delivered to")
    if not header.ends:
        return _refused(service, message, Reason.MALFORMED, "the header is too long")
    whole = read_whole(service.mailbox, header, service.rules.max_message_bytes)
    seal = message.seal or _judged(service, message, whole, found)
    if isinstance(seal, Ended):
        return seal
    return _ready(service, message, whole, seal, found)


def _judged(service: FetchService, message: OpenMessage, whole: Fetched, found: Recipients) -> str | Ended:
    """Return what SMTP would put on top of the message, or what became of it instead."""
    judged = judge(service.verifying, whole, found.addresses, service.rules.field)
    match judged:
        case Kept(seal):
            return seal
        case Refused(reason, discards):
            return Ended(message, FetchVerdict.DISCARDED if discards else FetchVerdict.REJECTED, reason)
        case Postponed(reason):
            waited = service.verifying.clock.now() - (message.first or service.verifying.clock.now())
            over = waited >= service.delivering.rules.give_up_seconds and not judged.is_ours
            return Ended(message, FetchVerdict.REJECTED if over else FetchVerdict.DEFERRED, reason)


def _ready(service: FetchService, message: OpenMessage, whole: Fetched, seal: str, found: Recipients) -> Ready | Ended:
    octets = with_seal(whole, seal)
    opened = open_reply(octets, service.delivering.rules.seal_keys)
    if isinstance(opened, Undeliverable):
        if opened in _OBSERVED:
            return Ended(message, FetchVerdict.OBSERVED)
        return _unreadable(service, message, opened)
    recipient = found.addresses[0] if found else ""
    envelope = Envelope(whole.sender.strip("<>"), recipient, octets)
    return Ready(replace(message, id=opened.id, seal=seal), opened, envelope)


def _known(service: FetchService) -> Known:
    rules = service.verifying.rules
    return Known(rules.form, rules.keyring, rules.handlers, service.verifying.clock.now())


def _unreadable(service: FetchService, message: OpenMessage, reason: str, why: str = "") -> Ended:
    return _unless_observed(service, Ended(message, FetchVerdict.UNREADABLE, reason, why))


def _refused(service: FetchService, message: OpenMessage, reason: str, why: str) -> Ended:
    return _unless_observed(service, Ended(message, FetchVerdict.REJECTED, reason, why))


def _unless_observed(service: FetchService, ended: Ended) -> Ended:
    """What the milter's flow doesn't see has the mode of the whole installation: observe mode moves nothing."""
    observes = service.verifying.rules.policy.observe
    return replace(ended, verdict=FetchVerdict.OBSERVED) if observes else ended
