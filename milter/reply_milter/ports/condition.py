"""What the daemon can see of its own parts: processes, settings, and the store's own word about its state."""

from collections.abc import Mapping
from dataclasses import dataclass

from reply_milter.core.epoch import Loss
from reply_milter.core.token.keyring import KeyState


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the daemon. ``pid`` is 0 while it is not running; ``starts`` counts the first one, too."""

    name: str
    pid: int
    starts: int


@dataclass(frozen=True, slots=True)
class StoreCondition:
    """What a Redis tells of itself. ``server``: where it is. ``max_bytes`` 0: no limit.

    ``version``, ``role`` and ``policy`` (what it evicts when it is full) are words of its own; ``aof_ok``: the last
    write to its append-only file, and the last rewrite, went well.
    """

    server: str
    version: str
    role: str
    policy: str
    uptime_seconds: int
    clients: int
    commands: int
    keys: int
    used_bytes: int
    max_bytes: int
    evicted_keys: int
    aof_enabled: bool
    aof_ok: bool


@dataclass(frozen=True, slots=True)
class LossCondition:
    """Losses of data that this host noticed since the start, by kind.

    ``last``: when it last noticed one, Unix seconds, 0 for never. ``restored``: revocations restored since the start.
    """

    losses: Mapping[Loss, int]
    last: int
    restored: int


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """A master key. ``last_expiry``: when the last address that it minted expires, Unix seconds; None: it never did."""

    id: str
    state: KeyState
    last_expiry: int | None


@dataclass(frozen=True, slots=True)
class SettingsCondition:
    """What of the settings in force an operator wants to see at a glance. Seconds of 0: there is no such canary."""

    keys: tuple[KeyCondition, ...]
    enforcing: bool
    canary_seconds: int
    wrapped_canary_seconds: int = 0
    native_canary_seconds: int = 0
