"""Pseudo-users: numbers that stand for recipients of wrapped notifications, one under each master key.

Such a number may be that of a real user, too. What is on file is kept apart, and whatever shows a number to people
says which kind it is.
"""

from collections.abc import Iterable

from reply_milter.core.token.keyring import Keyring
from reply_milter.core.wrapping.keys import pseudo_user
from reply_milter.core.wrapping.outward_minting import normal


def pseudo_users_of(address: str, keyring: Keyring) -> tuple[int, ...]:
    """The pseudo-users of ``address`` under every live master key, the newest key first."""
    numbers = (pseudo_user(master, keyring.realm, normal(address)) for master in keyring.live())
    return tuple(dict.fromkeys(numbers))


def stands_for(user: int, keyring: Keyring, addresses: Iterable[str]) -> str:
    """The one of ``addresses`` that the pseudo-user ``user`` stands for; empty where none is it."""
    return next((address for address in addresses if user in pseudo_users_of(address, keyring)), "")


def shown_user(user: int, wrapped: bool, address: str = "") -> str:
    """A user as people are told of it. ``address``: whom a pseudo-user stands for; empty where that is unknown."""
    if not wrapped:
        return str(user)
    return f"(wrapped, for {address})" if address else f"(wrapped, {user})"
