"""Wrap a notification: put addresses of ours in the place of the application's own, wherever its preset has them.

What is not named stays octet for octet. At the end no key of an original stands anywhere in the header, in any reading;
where that can't be had, the notification is refused, since it must not leave as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reply_milter.core.mail.headers import DKIM_SIGNATURE
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping import outward_minting
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.outward_fields import FieldError
from reply_milter.core.wrapping.outward_minting import Minted
from reply_milter.core.wrapping.outward_rewriting import IDS, Rewriting, own_id
from reply_milter.core.wrapping.outward_thread import thread_of, usable_id
from reply_milter.core.wrapping.plain import Plain, ThreadName
from reply_milter.core.wrapping.wrap import Wrap

_ONCE = ("from", "message-id", "subject", *IDS)
_MOST = 8  # native addresses of one message; each costs a token
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_WHITE = re.compile(r"[ \t\r\n]+")
_TRACES = ("received", "delivered-to", "resent-")
_SIGNED = re.compile(r"(?:\A|;)h=([^;]*)")

SEVERAL = "only one recipient per message with a reply address; send a separate message to each"
NO_RECIPIENT = "all its recipients are copies: it needs one whom the reply address is for"
ODD_RECIPIENT = "the recipient's address is spelled in a way in which no reply address can be bound to it"
TOO_MANY = "the header holds too many reply addresses of the application"
NO_THREAD = "neither a Message-ID nor the Subject's tag names its thread"
SIGNED = "a DKIM-Signature covers a field that has to be changed: sign behind this milter"


class WrapError(ValueError):
    """The notification can't be wrapped, and must not leave; the message says why. ``enhanced``: RFC 3463."""

    def __init__(self, why: str, enhanced: str = "5.6.0") -> None:
        super().__init__(why)
        self.enhanced = enhanced


@dataclass(frozen=True, slots=True)
class Outbound:
    """What is known of a notification beside its header.

    ``recipients``: bare addresses of the envelope, empty for one that can't be bound. ``obstacle``: what it has that no
    notification may have, in words; empty for nothing. ``now`` in Unix seconds; ``queue_id`` is the MTA's.
    """

    recipients: Sequence[str]
    queue_id: str
    now: int
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What was minted; nothing, where only keys were taken off.

    ``message_id``: the notification's, without brackets; empty where it has none that a reply could name.
    """

    minted: tuple[Minted, ...]
    message_id: str


def wrap(draft: Draft, outbound: Outbound, handler: Handler, keyring: Keyring, form: AddressForm) -> Wrapped | None:
    """Wrap a notification of ``handler``: rewrite ``draft``. None where it holds no address of the application.

    Raises:
        WrapError: it holds one, and can't be wrapped.
    """
    wrapping = handler.wrap
    if wrapping is None:
        return None

    def mint(native: str) -> Minted:
        thread = _thread(wrapping, draft, outbound.queue_id) if wrapping.is_for_everybody else None
        plain = Plain(native, recipient, thread)
        return outward_minting.mint(plain, handler, wrapping.bind_sender, outbound.now, keyring, form)

    rewriting = Rewriting(draft, wrapping, mint)
    if not rewriting.is_needed:
        return None
    _check_message(outbound, handler, rewriting)
    recipient = _recipient(outbound.recipients, wrapping)
    try:
        rewriting.run()
    except FieldError as error:
        raise WrapError(str(error)) from None
    _check_result(rewriting)
    return Wrapped(tuple(rewriting.minted.values()), usable_id("".join(draft.values("message-id"))))


def trace_in(fields: Iterable[tuple[str, str]]) -> str:
    """The name of the first field that shows that the message has passed an MTA; empty if none does."""
    return next((name for name, _ in fields if name.lower().startswith(_TRACES)), "")


def _check_message(outbound: Outbound, handler: Handler, rewriting: Rewriting) -> None:
    if outbound.obstacle:
        raise WrapError(outbound.obstacle)
    if not handler.enabled:
        raise WrapError("the handler is disabled: its addresses would be refused")
    if len(rewriting.natives) > _MOST:
        raise WrapError(TOO_MANY)
    for name in _ONCE:
        if len(rewriting.draft.where(name)) > 1:
            raise WrapError(f"a message has at most one {name} field")


def _check_result(rewriting: Rewriting) -> None:
    left = rewriting.left_over()
    if left:
        shown = left if _NAME.fullmatch(left) and not rewriting.keys.stand_in(left) else "a field"
        raise WrapError(f"{shown} holds the application's reply address, or its key, where it can't be replaced")
    if _signed(rewriting.draft.values(DKIM_SIGNATURE.lower())) & rewriting.draft.changed:
        raise WrapError(SIGNED)


def _recipient(recipients: Iterable[str], wrapping: Wrap) -> str:
    """The one whom the notification is for: journals get it, too, and are none."""
    others = dict.fromkeys(one for one in recipients if outward_minting.normal(one) not in wrapping.copies)
    if len(others) != 1:
        raise WrapError(SEVERAL if others else NO_RECIPIENT, "5.5.3")
    local, at, domain = next(iter(others)).rpartition("@")
    if not at:
        raise WrapError(ODD_RECIPIENT)
    return f"{local}@{domain.lower()}"


def _thread(wrapping: Wrap, draft: Draft, queue_id: str) -> ThreadName:
    values = ["".join(draft.values(name)) for name in ("in-reply-to", "subject")]
    thread = thread_of(wrapping.preset, own_id(draft, queue_id), *values)
    if thread is None:
        raise WrapError(NO_THREAD)
    return thread


def _signed(signatures: Iterable[str]) -> set[str]:
    """The names, in lower case, that DKIM signatures cover (``h=``, RFC 6376 section 3.5)."""
    listed = [names for value in signatures for names in _SIGNED.findall(_WHITE.sub("", value))]
    return {name.lower() for names in listed for name in names.split(":")}
