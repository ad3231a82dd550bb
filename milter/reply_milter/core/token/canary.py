"""The canary: a token that only our own milter socket gets, to test that workers still decide correctly.

Only the connection of the canary knows its handler. On any other connection its token names a handler that does not
exist, and is forged. So it cannot be used to have mail delivered.
"""

from collections.abc import Iterator

from reply_milter.core.encoding.base32 import ALPHABET
from reply_milter.core.token import token
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.mint import Order, mint
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy

USER = token.USER_LIMIT - 1
_NAME = "canary"
DAYS = 1  # that its addresses are valid


def canary_handler(handlers: Handlers) -> Handler | None:
    """Return a handler with the highest number that none of ``handlers`` has; None if all are taken."""
    number = next(free_numbers(handlers), None)
    if number is None:
        return None
    return Handler(number, _NAME, ContextKind.INTEGER, DAYS, enabled=True, expired_url="", policy=Policy())


def free_numbers(handlers: Handlers) -> Iterator[int]:
    """Yield the numbers that none of ``handlers`` has, the highest first."""
    return (number for number in reversed(range(token.HANDLER_LIMIT)) if number not in handlers.by_id)


def genuine(handler: Handler, keyring: Keyring, form: AddressForm, now: int, context: int) -> str:
    """Return an address that must be accepted. ``now`` in Unix seconds; ``context``: any number below 2^55."""
    return mint(Order(USER, now, context=context), handler, keyring, form).address


def forged(address: str) -> str:
    """Return ``address`` with another last character of its checksum: it must be refused."""
    local, _, domain = address.rpartition("@")
    other = ALPHABET[(ALPHABET.index(local[-1]) + 1) % len(ALPHABET)]
    return f"{local[:-1]}{other}@{domain}"
