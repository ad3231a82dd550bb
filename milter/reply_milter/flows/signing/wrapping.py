"""Wrapped applications: their notifications leave with addresses of ours, or not at all.

The application knows nothing of us, so it asks for nothing: it is known by login or network, and its notifications by
envelope sender or author. Whatever else it sends, and what others send, is left alone. What its address stands for is
in the capsule, and in the store if that takes it in time.
"""

from dataclasses import replace

from reply_milter.core.mail import domain, headers
from reply_milter.core.token.address import parse_plain
from reply_milter.core.verdict.answer import SmtpReply
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.core.verdict.verdict import Accept, Defer, Reject, Verdict
from reply_milter.core.wrapping.outward import Outbound, WrapError, Wrapped, trace_in
from reply_milter.core.wrapping.outward import wrap as wrapped_header
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.flows.signing.message import Message
from reply_milter.ports import Lack, Minting, Notification, StoreUnavailableError
from reply_text.syntax.mailbox import mailboxes

_AUTHORS = 16  # From fields that are read
_TOO_LARGE = f"its header is too large: at most {headers.FIELDS_LIMIT} fields and {headers.OCTETS_LIMIT // 1024} KiB"
_TOO_LONG = "what its address stands for is too long for the message: set store = true, and let it have a Message-ID"


def wrap(message: Message, queue_id: str, verdict: Accept) -> Verdict:
    """Wrap the message for each handler that it is a notification of; ``verdict`` is what becomes of it else."""
    senders, draft = _senders(message), Draft(message.header)
    outbound = _outbound(message, queue_id)
    for handler, application in message.wrapped:
        if handler.wrap is None or handler.wrap.senders.isdisjoint(senders):
            continue
        noted = Notification(Minting.WRAPPED, handler.name, queue_id=queue_id, application=application)
        refused = _wrap_one(message, outbound, handler, draft, noted)
        if refused is not None:
            return refused
    return replace(verdict, edits=verdict.edits + draft.edits())


def _wrap_one(
    message: Message, outbound: Outbound, handler: Handler, draft: Draft, noted: Notification
) -> Reject | Defer | None:
    """Wrap it for ``handler`` in ``draft``; return what to answer instead if it must not leave."""
    rules, observes = message.service.rules, handler.policy.observe
    try:
        if message.is_too_large:
            raise WrapError(_TOO_LARGE)
        shown = Draft(message.header) if observes else draft
        wrapped = wrapped_header(shown, outbound, handler, rules.keyring, rules.form)
        if wrapped is None:
            return None
        noted = replace(noted, token_id=next((one.token_id for one in wrapped.minted), ""))
        if not observes:
            return _keep(message, wrapped, handler, noted)
        noted = replace(noted, outcome=Minting.WOULD_WRAP)
    except WrapError as error:
        if not observes:
            return _refuse(message, error, noted)
        noted = replace(noted, outcome=Minting.WOULD_REFUSE, problem=str(error))
    message.outcomes.append(noted)
    return None


def _keep(message: Message, wrapped: Wrapped, handler: Handler, noted: Notification) -> Defer | None:
    """Have the store keep a copy, if it takes one in time; defer the message if nothing else holds the original.

    Raises:
        WrapError: nothing ever will.
    """
    is_named = bool(wrapped.minted) and bool(wrapped.message_id)
    stores = handler.wrap is not None and handler.wrap.store and is_named
    kept = stores and _is_kept(message, wrapped)
    lacks_capsule = not all(one.capsule for one in wrapped.minted)
    if lacks_capsule and not stores:
        raise WrapError(_TOO_LONG)
    if lacks_capsule and not kept:
        message.outcomes = [replace(noted, outcome=Minting.DEFERRED, lacks=(Lack.CAPSULE, Lack.COPY))]
        return Defer(Reason.STORE_UNAVAILABLE, reply_for(Reason.STORE_UNAVAILABLE))
    lacks = [(Lack.CAPSULE, lacks_capsule), (Lack.COPY, stores and not kept)]
    message.outcomes.append(replace(noted, lacks=tuple(lack for lack, applies in lacks if applies), stored=kept))
    message.left.append(handler.id)
    return None


def _is_kept(message: Message, wrapped: Wrapped) -> bool:
    originals = {one.token_id: StoredOriginal(one.sealed, wrapped.message_id) for one in wrapped.minted}
    try:
        message.service.store.keep_originals(originals, max(one.kept_until for one in wrapped.minted))
    except StoreUnavailableError:
        return False
    return True


def _refuse(message: Message, error: WrapError, noted: Notification) -> Reject:
    """Reject it, so that its application hears at once: it must not leave with the application's own address."""
    reply = SmtpReply("550", error.enhanced, f"{noted.handler}: {error}")
    message.outcomes = [replace(noted, outcome=Minting.REFUSED, problem=reply.text)]
    message.left = []
    return Reject(Reason.MALFORMED, reply, message.stripping)


def _senders(message: Message) -> set[str]:
    """Envelope sender and authors, normalised."""
    plain = parse_plain(message.sender)
    found = ["@".join(plain)] if plain else []
    authors = [value for name, value in message.header if name.lower() == "from"] + message.late_authors
    found += [author for value in authors[:_AUTHORS] for author in mailboxes(value[: headers.OCTETS_LIMIT])]
    return {normalised for one in found if (normalised := domain.normalise(one)) is not None}


def _outbound(message: Message, queue_id: str) -> Outbound:
    recipients = tuple(message.recipients.values())
    return Outbound(recipients, queue_id, message.service.clock.now(), _obstacle(message))


def _obstacle(message: Message) -> str:
    """What no notification has: a request that was not granted, or a trace of another way here."""
    ignored = next((one.problem for one in message.outcomes if one.outcome is Minting.IGNORED), "")
    if ignored:
        return f"{headers.MINT}: {ignored}"
    if message.trace and trace_in(message.header):
        return "it has a Received, Delivered-To or Resent-* field: it comes from elsewhere"
    return ""
