"""What operators read from and write to the store: revocations, users, key use. Implements ``ports.Registry``."""

import json
from collections.abc import Sequence

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.script import Script
from reply_milter.adapters.redis_store.names import Names, token_key
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.ports import UserChange, UserRecord

_DISABLED = {True: "1", False: "0", None: ""}


class RedisRegistry:
    """As ``RedisStore``; ``timeout_seconds`` may be longer, because no SMTP client waits."""

    def __init__(self, url: str, timeout_seconds: float, realm: str) -> None:
        self._connections = RedisConnections(url, timeout_seconds)
        self._names = Names(realm)
        self._user, self._latest, self._undo = (Script(__package__, name) for name in ("user", "latest", "undo"))

    def revoke_user(self, user: int, before: int, kept_until: int, wrapped: bool = False) -> int:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke", changes=True) as call:
            in_force, _ = self._user.run(call, self._names.user(user, wrapped), "", "", before, kept_until)
        return int(in_force)

    def revoke_object(self, handler: int, context: int, before: int, kept_until: int) -> int:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke", changes=True) as call:
            return int(self._latest.run(call, self._names.object(handler, context), before, kept_until))

    def revoke_token(self, token_id: str, kept_until: int) -> None:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke", changes=True) as call:
            call(("HSET", token_key(token_id), "x", "1"), ("EXPIREAT", token_key(token_id), kept_until))

    def revoke_before(self, before: int, kept_until: int) -> int:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke", changes=True) as call:
            return int(self._latest.run(call, self._names.before, before, kept_until))

    def undo(self, one: Revocation, left: int) -> bool:
        """See ``ports.Registry``."""
        key, field = self._place(one)
        with self._connections.operation("revoke", changes=True) as call:
            return bool(self._undo.run(call, key, field, one.reach, left or ""))

    def _place(self, one: Revocation) -> tuple[str, str]:
        """Return the key of a revocation, and its field where that is a hash."""
        match one.what:
            case What.USER | What.WRAPPED:
                return self._names.user(one.user, one.what is What.WRAPPED), "before"
            case What.OBJECT:
                return self._names.object(one.handler, one.context), ""
            case What.TOKEN:
                return token_key(one.token_id), "x"
            case What.BEFORE:
                return self._names.before, ""

    def forget_wrong_authors(self, token_id: str) -> bool:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke", changes=True) as call:
            (found,) = call(("HDEL", token_key(token_id), "w"))
        return bool(found)

    def user(self, user: int, wrapped: bool = False) -> UserRecord | None:
        """See ``ports.Registry``."""
        with self._connections.operation("user") as call:
            ((disabled, before, addresses),) = call(
                ("HMGET", self._names.user(user, wrapped), "disabled", "before", "addresses")
            )
        if disabled is None and before is None and addresses is None:
            return None
        listed = tuple(json.loads(addresses)) if addresses else ()
        return UserRecord(bool(disabled), int(before or 0), listed)

    def set_users(self, changes: Sequence[UserChange], kept_until: int) -> None:
        """See ``ports.Registry``."""
        with self._connections.operation("user", changes=True) as call:
            self._user.run_each(call, [self._change(change, kept_until) for change in changes])

    def _change(self, change: UserChange, kept_until: int) -> tuple[str | int, ...]:
        addresses = "" if change.addresses is None else json.dumps(change.addresses)
        return self._names.user(change.user, change.wrapped), _DISABLED[change.disabled], addresses, "", kept_until

    def remove_user(self, user: int, kept_until: int, wrapped: bool = False) -> bool:
        """See ``ports.Registry``."""
        nothing = UserChange(user, disabled=False, addresses=(), wrapped=wrapped)
        with self._connections.operation("user", changes=True) as call:
            ((_, lasted),) = self._user.run_each(call, [self._change(nothing, kept_until)])
        return bool(lasted)

    def note_key_use(self, used: dict[str, int]) -> None:
        """See ``ports.Registry``."""
        fields = [part for pair in used.items() for part in pair]
        with self._connections.operation("keys", changes=True) as call:
            call(("HSET", self._names.key_use, *fields))

    def key_use(self) -> dict[str, int]:
        """See ``ports.Registry``."""
        with self._connections.operation("keys") as call:
            (answer,) = call(("HGETALL", self._names.key_use))
        words = [bytes(word).decode() for word in answer]
        return {name: int(when) for name, when in zip(words[::2], words[1::2], strict=True)}
