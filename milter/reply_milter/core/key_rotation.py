"""How master keys come and go: added, promoted, retired. Values in, values out; the file is the adapter's."""

from collections.abc import Container
from dataclasses import replace

from reply_milter.core.keyring import KeyState, MasterKey


class RotationError(ValueError):
    """What was asked for would break minting or verifying; the message says what to do instead."""


Keys = tuple[MasterKey, ...]


def add(keys: Keys, secret: bytes) -> Keys:
    """A new key that only verifies: it is to be known on all hosts before it mints."""
    return (*keys, MasterKey(_next_id({key.id for key in keys}), KeyState.VERIFY, secret))


def promote(keys: Keys, identifier: str, now: int) -> Keys:
    """Let ``identifier`` mint from ``now`` on (Unix seconds); the key that did so far only verifies.

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
    """Verify nothing with ``identifier`` any more: what it minted becomes forged.

    Raises:
        RotationError: no such key, or the one that mints.
    """
    if _find(keys, identifier).state is KeyState.ACTIVE:
        raise RotationError(f"{identifier} mints: promote another key first")
    return tuple(replace(key, state=KeyState.RETIRED) if key.id == identifier else key for key in keys)


def last_expiry(key: MasterKey, now: int, longest_validity_days: int) -> int | None:
    """When the last address that ``key`` minted expires, in Unix seconds; None if it never minted.

    While it mints, that is when an address minted now would expire.
    """
    end = now if key.state is KeyState.ACTIVE else key.minted_until
    return None if end is None else end + 86400 * longest_validity_days


def _find(keys: Keys, identifier: str) -> MasterKey:
    for key in keys:
        if key.id == identifier:
            return key
    raise RotationError(f"there is no key {identifier!r}; there are: {', '.join(key.id for key in keys)}")


def _next_id(taken: Container[str]) -> str:
    number = 1
    while f"k{number}" in taken:
        number += 1
    return f"k{number}"
