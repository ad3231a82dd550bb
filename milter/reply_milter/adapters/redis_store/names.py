"""Names of Redis keys. All begin with ``rm1:``, so that an ACL can grant just these."""

import hashlib
from dataclasses import dataclass


def token_key(token_id: str) -> str:
    """Return the name of a token's hash. Ids are derived with the realm, so the name, which costs memory, has none."""
    return f"rm1:{token_id}"


def original_key(token_id: str) -> str:
    """Return the name of a text: what a wrapped address stands for, sealed, and its notification's Message-ID."""
    return f"rm1:{token_id}:w"


def epoch_key(part: int) -> str:
    """Return the name of a hash: id, and the number of looks per host. It has no realm: a loss concerns all of them."""
    return f"rm1:epoch:{part}"


def mailbox_key(realm: str, identity: str) -> str:
    """Return the name of a mailbox's hash: whose turn it is, and what became of replies in it. It tells no address."""
    return f"rm1:{realm}:mailbox:{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one realm."""

    realm: str

    def user(self, user: int, wrapped: bool = False) -> str:
        """The name of a hash: disabled, before (Unix seconds), addresses (JSON).

        ``wrapped``: of a pseudo-user, whose number may be that of a real user, too.
        """
        return f"rm1:{self.realm}:{'w' if wrapped else 'u'}:{user}"

    def object(self, handler: int, context: int) -> str:
        """Unix seconds: tokens about this object issued before then are revoked."""
        return f"rm1:{self.realm}:o:{handler}:{context}"

    @property
    def before(self) -> str:
        """Unix seconds: all tokens issued before then are revoked."""
        return f"rm1:{self.realm}:before"

    @property
    def key_use(self) -> str:
        """The name of a hash: master key id to the Unix seconds when it last verified a reply."""
        return f"rm1:{self.realm}:keys"
