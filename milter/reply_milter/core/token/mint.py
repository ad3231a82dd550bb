"""Mint reply addresses: only this module makes valid tokens."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from reply_milter.core.mail import domain, message_id
from reply_milter.core.token import token
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.token import Token
from reply_milter.core.verdict.handler import ContextKind, Handler

_QUOTED = re.compile(r'"(?:[^"\\\r\n]|\\.)*"@[^\s<>]+')
MESSAGE_ID_FORM = "a Message-ID looks like <left@right>, in at most 900 octets without white space"
LOCATOR_FORM = "a locator is made of segments of A-Za-z0-9._~- joined by /, at most 200 characters"


class MintError(ValueError):
    """The order cannot be minted; the message says what to order instead."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who may answer what. Exactly one of ``context``, ``message_id`` and ``locator``; ``now`` in Unix seconds.

    ``recipient``: the address that the notification is sent to, to which the token is bound; may be empty.
    ``unique``: letters and digits that make a minted Message-ID unique.
    """

    user: int
    now: int
    context: int | None = None
    message_id: str = ""
    locator: str = ""
    recipient: str = ""
    unique: str = ""


@dataclass(frozen=True, slots=True)
class MintedAddress:
    """A reply address. ``message_id`` without brackets, empty for an integer context; times in Unix seconds."""

    address: str
    message_id: str
    token: Token
    expires: int


def mint(order: Order, handler: Handler, keyring: Keyring, form: AddressForm) -> MintedAddress:
    """Mint the address for ``order``.

    Raises:
        MintError: a number out of range, a malformed Message-ID or locator, or a context of the wrong kind.
    """
    if not 0 <= order.user < token.USER_LIMIT:
        raise MintError(f"the user id must be between 0 and {token.USER_LIMIT - 1}")
    issued = token.issued_minutes(order.now)
    if not 0 <= issued < token.ISSUED_LIMIT:
        raise MintError("tokens can be issued between 2025-01-01 and the year 2088")
    if not handler.enabled:
        raise MintError(f"the handler {handler.name} is disabled: its addresses would be refused")
    key = keyring.minting_key(order.user)
    answered = _message_id(order, handler, form)
    context = key.thread(answered) if answered else _integer(order, handler)
    made = Token(order.user, handler.id, issued, context, _sender(order, key.sender))
    length = form.checksum_length
    address = form.write(made.unsigned() + key.checksum(made, length))
    return MintedAddress(address, answered, made, made.expires_at(handler.validity_days))


def _message_id(order: Order, handler: Handler, form: AddressForm) -> str:
    """Return the Message-ID that the token binds; empty for an integer handler."""
    if handler.context is ContextKind.WRAPPED:
        raise MintError(f"the handler {handler.name} is wrapped: its addresses stand for the application's own")
    if handler.context is ContextKind.INTEGER:
        if order.message_id or order.locator:
            raise MintError(f"the handler {handler.name} takes a number: give it a context")
        return ""
    if order.context is not None or not (order.message_id or order.locator):
        raise MintError(f"the handler {handler.name} binds a thread: give it a Message-ID or a locator")
    if order.locator:
        if not message_id.is_locator(order.locator):
            raise MintError(LOCATOR_FORM)
        return message_id.write(order.locator, order.now, order.unique, form.mint_domain)
    given = order.message_id.strip()
    identifier = given[1:-1] if given.startswith("<") and given.endswith(">") else given
    if not message_id.is_usable(identifier):
        raise MintError(MESSAGE_ID_FORM)
    return identifier


def _integer(order: Order, handler: Handler) -> int:
    if order.context is None:
        raise MintError(f"the handler {handler.name} needs a context: a number of your own")
    if not 0 <= order.context < token.CONTEXT_LIMIT:
        raise MintError(f"a context must be between 0 and {token.CONTEXT_LIMIT - 1}")
    return order.context


def _sender(order: Order, tag: Callable[[str], int]) -> int:
    """Return the tag of the notification's recipient; 0 if it can't be bound (quoted, non-ASCII, a literal)."""
    address = order.recipient.strip().removeprefix("<").removesuffix(">")
    if not address or _QUOTED.fullmatch(address):
        return 0
    if "@" not in address or any(character in "<>" or character.isspace() for character in address):
        raise MintError("the recipient must be a bare address: local@domain")
    normalised = domain.normalise(address)
    return tag(normalised) if normalised else 0
