"""What operators write into the store and read of it: revocations, users, key use. Implements ``ports.Registry``."""

import json
from collections.abc import Iterator, Sequence

from reply_milter.adapters.redis_store.connection import RedisConnections
from reply_milter.adapters.redis_store.names import Names, token_key
from reply_milter.ports import UserChange, UserRecord


class RedisRegistry:
    """As ``RedisStore``; ``timeout_seconds`` may be longer, because a person waits and no SMTP client."""

    def __init__(self, url: str, timeout_seconds: float, realm: str) -> None:
        self._connections = RedisConnections(url, timeout_seconds)
        self._names = Names(realm)

    def revoke_user(self, user: int, before: int, kept_until: int) -> None:
        """See ``ports.Registry``."""
        name = self._names.user(user)
        with self._connections.operation("revoke") as call:
            # A record of addresses has no end; a revocation alone is forgotten when no address is left to revoke.
            ((lasting,),) = call(("HMGET", name, "addresses"))
            call(("HSET", name, "before", before))
            if lasting is None and not call(("HEXISTS", name, "disabled"))[0]:
                call(("EXPIREAT", name, kept_until))

    def revoke_object(self, handler: int, context: int, before: int, kept_until: int) -> None:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke") as call:
            call(("SET", self._names.object(handler, context), before, "EXAT", kept_until))

    def revoke_token(self, token_id: str, kept_until: int) -> None:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke") as call:
            call(("HSET", token_key(token_id), "x", "1"), ("EXPIREAT", token_key(token_id), kept_until))

    def revoke_before(self, before: int, kept_until: int) -> None:
        """See ``ports.Registry``."""
        with self._connections.operation("revoke") as call:
            call(("SET", self._names.before, before, "EXAT", kept_until))

    def user(self, user: int) -> UserRecord | None:
        """See ``ports.Registry``."""
        with self._connections.operation("user") as call:
            ((disabled, before, addresses),) = call(
                ("HMGET", self._names.user(user), "disabled", "before", "addresses")
            )
        if disabled is None and before is None and addresses is None:
            return None
        listed = tuple(json.loads(addresses)) if addresses else ()
        return UserRecord(bool(disabled), int(before or 0), listed)

    def set_users(self, changes: Sequence[UserChange]) -> None:
        """See ``ports.Registry``."""
        with self._connections.operation("user") as call:
            call(*(command for change in changes for command in self._commands(change)))

    def _commands(self, change: UserChange) -> Iterator[tuple[str, ...]]:
        name = self._names.user(change.user)
        yield "HSET", name, "addresses", json.dumps(change.addresses)
        if change.disabled is not None:
            yield ("HSET", name, "disabled", "1") if change.disabled else ("HDEL", name, "disabled")
        yield "PERSIST", name

    def remove_user(self, user: int) -> bool:
        """See ``ports.Registry``."""
        with self._connections.operation("user") as call:
            (removed,) = call(("HDEL", self._names.user(user), "disabled", "addresses"))
        return bool(removed)

    def note_key_use(self, used: dict[str, int]) -> None:
        """See ``ports.Registry``."""
        fields = [part for pair in used.items() for part in pair]
        with self._connections.operation("keys") as call:
            call(("HSET", self._names.key_use, *fields))

    def key_use(self) -> dict[str, int]:
        """See ``ports.Registry``."""
        with self._connections.operation("keys") as call:
            (answer,) = call(("HGETALL", self._names.key_use))
        words = [bytes(word).decode() for word in answer]
        return {name: int(when) for name, when in zip(words[::2], words[1::2], strict=True)}
