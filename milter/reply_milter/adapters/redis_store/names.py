"""Names of Redis keys. All begin with ``rm1:``, so that an ACL can grant just these."""

from dataclasses import dataclass


def token_key(token_id: str) -> str:
    """A token's hash. Ids are derived with the realm, so this name, which each remembered reply pays for, has none."""
    return f"rm1:{token_id}"


def epoch_key(part: int) -> str:
    """A hash: id, and by host how often it has looked. Of no realm: a loss concerns all that share a Redis."""
    return f"rm1:epoch:{part}"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one realm."""

    realm: str

    def user(self, user: int) -> str:
        """A hash: disabled, before (Unix seconds), addresses (JSON)."""
        return f"rm1:{self.realm}:u:{user}"

    def object(self, handler: int, context: int) -> str:
        """Unix seconds: what was issued before then, about this object, is revoked."""
        return f"rm1:{self.realm}:o:{handler}:{context}"

    @property
    def before(self) -> str:
        """Unix seconds: whatever was issued before then is revoked."""
        return f"rm1:{self.realm}:before"

    @property
    def key_use(self) -> str:
        """A hash: master key id to the Unix seconds when it last verified a reply."""
        return f"rm1:{self.realm}:keys"
