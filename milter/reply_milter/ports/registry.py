"""What operators put on record: revocations, users, and when keys were used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from reply_milter.core.token.revocation import Revocation


@dataclass(frozen=True, slots=True)
class UserRecord:
    """What is on file about a user. ``revoked_before`` in Unix seconds, 0 for never; ``addresses`` normalised."""

    disabled: bool
    revoked_before: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserChange:
    """A change of what is on file about a user. None leaves a value as it is; ``addresses`` are normalised.

    ``wrapped``: of a pseudo-user.
    """

    user: int
    disabled: bool | None = None
    addresses: tuple[str, ...] | None = None
    wrapped: bool = False


class Registry(Protocol):
    """What operators put on record. Takes effect at the next RCPT and the next end of message, on all hosts.

    Times are Unix seconds; ``kept_until`` is when nothing is left that a revocation could matter to. A revocation is
    never taken back by one with an earlier time: each returns the time that is in force. Only ``undo`` lowers it. Every
    change is atomic, and may be made twice. Every method raises StoreUnavailableError when the store gave no answer.
    ``wrapped``: ``user`` is a pseudo-user, of whom nothing is true that is true of the real user with this number.
    """

    def revoke_user(self, user: int, before: int, kept_until: int, wrapped: bool = False) -> int:
        """Revoke what was issued to ``user`` before then."""
        ...

    def revoke_object(self, handler: int, context: int, before: int, kept_until: int) -> int:
        """Revoke what was issued before then about one object."""
        ...

    def revoke_token(self, token_id: str, kept_until: int) -> None:
        """Revoke one address."""
        ...

    def revoke_before(self, before: int, kept_until: int) -> int:
        """Revoke whatever was issued before then."""
        ...

    def undo(self, one: Revocation, left: int) -> bool:
        """Take back what ``one`` says is in force; ``left``: an earlier time that stays in force, 0 for none.

        False if something else is in force: nothing was changed.
        """
        ...

    def forget_wrong_authors(self, token_id: str) -> bool:
        """Allow an address that has leaked as many wrong authors as a new one. False if there were none."""
        ...

    def user(self, user: int, wrapped: bool = False) -> UserRecord | None:
        """What is on file, or None."""
        ...

    def set_users(self, changes: Sequence[UserChange], kept_until: int) -> None:
        """Put users on file, in one round trip. Revocations stay."""
        ...

    def remove_user(self, user: int, kept_until: int, wrapped: bool = False) -> bool:
        """Forget addresses and disabling, not a revocation. False if nothing was there."""
        ...

    def note_key_use(self, used: dict[str, int]) -> None:
        """When master keys last verified a reply, by key id."""
        ...

    def key_use(self) -> dict[str, int]:
        """The same, of all hosts."""
        ...
