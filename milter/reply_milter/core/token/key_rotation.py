"""Add, promote and retire master keys. Values in, values out; an adapter reads and writes the file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from reply_milter.core.token.keyring import KeyState, MasterKey

NEVER = 0  # for minted_until
_NUMBERED = re.compile(r"k([0-9]{1,9})", re.ASCII)


class RotationError(ValueError):
    """The change would break minting or verifying; the message says what to do instead."""


Keys = tuple[MasterKey, ...]


def add(keys: Keys, secret: bytes, remembered: Iterable[str]) -> Keys:
    """Add a key that only verifies: all hosts must know it before it mints.

    ``remembered``: ids of keys that were in the file before; they are not used again.
    """
    identifier = _next_id([*(key.id for key in keys), *remembered])
    return (*keys, MasterKey(identifier, KeyState.VERIFY, secret, NEVER))


def promote(keys: Keys, identifier: str, now: int) -> Keys:
    """Let ``identifier`` mint from ``now`` on (Unix seconds); the key that minted until now only verifies.

    Raises:
        RotationError: no such key, or a retired one.
    """
    wanted = _find(keys, identifier)
    if wanted.state is KeyState.RETIRED:
        raise RotationError(f"{identifier} is retired: add a new key and promote that")

    def changed(key: MasterKey) -> MasterKey:
        if key.id == identifier:
            return replace(key, state=KeyState.ACTIVE, minted_until=None)
        if key.state is KeyState.ACTIVE:
            return replace(key, state=KeyState.VERIFY, minted_until=now)
        return key

    return tuple(changed(key) for key in keys)


def retire(keys: Keys, identifier: str) -> Keys:
    """Retire ``identifier``: it no longer verifies, so addresses that it minted become forged.

    Raises:
        RotationError: no such key, or the one that mints.
    """
    if _find(keys, identifier).state is KeyState.ACTIVE:
        raise RotationError(f"{identifier} mints: promote another key first")
    return tuple(replace(key, state=KeyState.RETIRED) if key.id == identifier else key for key in keys)


@dataclass(frozen=True, slots=True)
class LastExpiry:
    """The expiry of the last address that a key minted: ``at``, Unix seconds; None if it never minted.

    ``known`` is False if the file does not say when it stopped minting; ``at`` is then the latest possible time.
    """

    at: int | None
    known: bool


def last_expiry(key: MasterKey, now: int, longest_validity_days: int, was_used: bool) -> LastExpiry:
    """Return a key's last expiry; while it mints, that of an address minted now. ``was_used``: it has verified a reply.

    A key that was used has minted, even if the file says otherwise: a person has changed its state there.
    """
    validity = 86400 * longest_validity_days
    if key.state is KeyState.ACTIVE:
        return LastExpiry(now + validity, known=True)
    if key.minted_until is None or (key.minted_until == NEVER and was_used):
        return LastExpiry(now + validity, known=False)
    return LastExpiry(key.minted_until + validity if key.minted_until != NEVER else None, known=True)


def _find(keys: Keys, identifier: str) -> MasterKey:
    for key in keys:
        if key.id == identifier:
            return key
    raise RotationError(f"there is no key {identifier!r}; there are: {', '.join(key.id for key in keys)}")


def _next_id(taken: Iterable[str]) -> str:
    """Return the next number, even if lower ones are free: those belonged to other keys, and logs may name them."""
    found = (_NUMBERED.fullmatch(identifier) for identifier in taken)
    return f"k{max((int(match[1]) for match in found if match), default=0) + 1}"
