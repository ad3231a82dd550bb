"""A store, whichever it is, with hands to put facts on record; and messages to claim in it."""

from dataclasses import dataclass
from typing import Any, Protocol

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.ports import Claim, Replay, Store
from reply_milter.wiring.stores import wait_until_ready
from tests.support.fakes import REALM, MemoryStore
from tests.support.stores.redis_under_test import RedisUnderTest, eventually

TOKEN = "tokentokentok"  # noqa: S105 # an id, and no secret
OTHER_TOKEN_ID = "othertokentok"  # noqa: S105
MESSAGE = "messagemessag"


def claim(**changes: Any) -> Claim:
    """A claim of one message for one token, kept for a day, by owner one."""
    plain: dict[str, Any] = {
        "token_id": TOKEN,
        "message_tag": MESSAGE,
        "content": b"0123456789",
        "owner": b"owner1",
        "kept_seconds": 86400,
    }
    return Claim(**plain | changes)


def outcome(store: Store, wanted: Claim) -> Replay | None:
    """What a claim finds; None where a limit refuses it."""
    return store.claim(wanted).replay


def found_way(url: str, timeout: float) -> RedisStore:
    """A store as a worker has it, when it has found its way to several servers; ``timeout`` in seconds."""
    store = RedisStore(url, timeout, REALM)
    store.watch()
    eventually(lambda: wait_until_ready(store, 1.0))
    return store


class Bench(Protocol):
    """A store, and hands to put facts on record."""

    @property
    def store(self) -> Store:
        """The store."""
        ...

    def disable(self, user: int, wrapped: bool = False) -> None:
        """Put a user on record as disabled. ``wrapped``, here and below: a pseudo-user."""
        ...

    def know(self, user: int, *addresses: str, wrapped: bool = False) -> None:
        """Put addresses of a user on file."""
        ...

    def revoke_token(self, token_id: str) -> None:
        """Revoke one token."""
        ...

    def revoke_user(self, user: int, before: int, wrapped: bool = False) -> None:
        """Revoke what was issued to a user before then."""
        ...

    def revoke_object(self, handler: int, context: int, before: int) -> None:
        """Revoke what was issued about an object before then."""
        ...

    def revoke_all(self, before: int) -> None:
        """Revoke all tokens issued before then."""
        ...


@dataclass
class MemoryBench:
    """The fake."""

    store: MemoryStore

    def disable(self, user: int, wrapped: bool = False) -> None:
        """See ``Bench``."""
        (self.store.disabled_pseudo_users if wrapped else self.store.disabled_users).add(user)

    def know(self, user: int, *addresses: str, wrapped: bool = False) -> None:
        """See ``Bench``."""
        (self.store.addresses_of_pseudo_users if wrapped else self.store.addresses)[user] = addresses

    def revoke_token(self, token_id: str) -> None:
        """See ``Bench``."""
        self.store.revoked_tokens.add(token_id)

    def revoke_user(self, user: int, before: int, wrapped: bool = False) -> None:
        """See ``Bench``."""
        (self.store.pseudo_users_revoked_before if wrapped else self.store.users_revoked_before)[user] = before

    def revoke_object(self, handler: int, context: int, before: int) -> None:
        """See ``Bench``."""
        self.store.objects_revoked_before[handler, context] = before

    def revoke_all(self, before: int) -> None:
        """See ``Bench``."""
        self.store.all_revoked_before = before


def _user_key(user: int, wrapped: bool) -> str:
    return f"rm1:{REALM}:{'w' if wrapped else 'u'}:{user}"


@dataclass
class RedisBench:
    """The real one. What is on record is written by its published names, past the code under test."""

    store: RedisStore
    server: RedisUnderTest

    def disable(self, user: int, wrapped: bool = False) -> None:
        """See ``Bench``."""
        self.server.command("HSET", _user_key(user, wrapped), "disabled", "1")

    def know(self, user: int, *addresses: str, wrapped: bool = False) -> None:
        """See ``Bench``."""
        listed = ",".join(f'"{address}"' for address in addresses)
        self.server.command("HSET", _user_key(user, wrapped), "addresses", f"[{listed}]")

    def revoke_token(self, token_id: str) -> None:
        """See ``Bench``."""
        self.server.command("HSET", f"rm1:{token_id}", "x", "1")

    def revoke_user(self, user: int, before: int, wrapped: bool = False) -> None:
        """See ``Bench``."""
        self.server.command("HSET", _user_key(user, wrapped), "before", before)

    def revoke_object(self, handler: int, context: int, before: int) -> None:
        """See ``Bench``."""
        self.server.command("SET", f"rm1:{REALM}:o:{handler}:{context}", before)

    def revoke_all(self, before: int) -> None:
        """See ``Bench``."""
        self.server.command("SET", f"rm1:{REALM}:before", before)
