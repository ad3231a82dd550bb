"""A store that takes a message and lets go of it at once: the canary tries the store, and leaves nothing in it."""

from collections.abc import Sequence

from reply_milter.core.token.verify import Facts
from reply_milter.ports import Claim, Claimed, Store


class PassingStore:
    """Implements ``ports.Store`` by another one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """See ``ports.Store``."""
        return self._store.facts(user, handler, context, token_id, wrapped)

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``. What was taken is given back before the answer."""
        claimed = self._store.claim(claim)
        self._store.release(claim)
        return claimed

    def release(self, claim: Claim) -> None:
        """See ``ports.Store``."""
        self._store.release(claim)

    def commit(self, identifier: str) -> bool:
        """See ``ports.Store``."""
        return self._store.commit(identifier)

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """See ``ports.Store``."""
        self._store.commit_all(identifiers)
