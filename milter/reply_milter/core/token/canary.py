"""The canary: a token that only our own milter socket gets, to test that workers still decide correctly.

Only the connection of the canary knows its handler. On any other connection its token names a handler that does not
exist, and is forged. So it cannot be used to have mail delivered.
"""

from reply_milter.core.encoding.base32 import ALPHABET
from reply_milter.core.token import token
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.mint import Order, mint
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy

USER = token.USER_LIMIT - 1
_NAME = "canary"
_DAYS = 1


def canary_handler(handlers: Handlers) -> Handler | None:
    """Return a handler with the highest number that none of ``handlers`` has; None if all are taken."""
    free = (number for number in reversed(range(token.HANDLER_LIMIT)) if number not in handlers.by_id)
    number = next(free, None)
    if number is None:
        return None
    return Handler(number, _NAME, ContextKind.INTEGER, _DAYS, enabled=True, expired_url="", policy=Policy())


def genuine(handler: Handler, keyring: Keyring, form: AddressForm, now: int, context: int) -> str:
    """Return an address that must be accepted. ``now`` in Unix seconds; ``context``: any number below 2^55."""
    return mint(Order(USER, now, context=context), handler, keyring, form).address


def forged(address: str) -> str:
    """Return ``address`` with another last character of its checksum: it must be refused."""
    local, _, domain = address.rpartition("@")
    other = ALPHABET[(ALPHABET.index(local[-1]) + 1) % len(ALPHABET)]
    return f"{local[:-1]}{other}@{domain}"
