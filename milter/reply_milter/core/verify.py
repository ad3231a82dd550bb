"""The checks of a reply address itself, in the contract's order. Asked at RCPT, before the client sends any data."""

from dataclasses import dataclass
from typing import NamedTuple

from reply_milter.core import token as tokens
from reply_milter.core.handler import Handler, Handlers
from reply_milter.core.keyring import Keyring, UserKey
from reply_milter.core.policy import Finding
from reply_milter.core.token import Glob, Token
from reply_milter.core.verdict import Because, Reason, expired_reply

FUTURE_SECONDS = 300  # how far a minting host's clock may be ahead of ours


class Checked(NamedTuple):
    """A token with a good checksum: who may answer what, and the key that says so. Times in Unix seconds."""

    glob: Glob
    token: Token
    key: UserKey
    handler: Handler
    token_id: str
    issued_at: int
    expires_at: int


class Facts(NamedTuple):
    """What the store knows about a token and those it names. Times in Unix seconds; 0 means never."""

    user_disabled: bool = False
    token_revoked: bool = False
    user_revoked_before: int = 0
    object_revoked_before: int = 0
    all_revoked_before: int = 0
    addresses: tuple[str, ...] = ()

    def revoked(self, issued_at: int) -> list[Because]:
        """What revokes a token of that time: none, or several."""
        times = (self.user_revoked_before, self.object_revoked_before, self.all_revoked_before)
        found = [Because.TOKEN] if self.token_revoked else []
        by_time = zip((Because.USER, Because.OBJECT, Because.BEFORE), times, strict=True)
        return found + [because for because, before in by_time if issued_at < before]


@dataclass(frozen=True, slots=True)
class Junk:
    """Not a token of ours. ``guess``: it has the form of one and a wrong checksum, so it counts towards throttling."""

    finding: Finding
    guess: bool


def check_token(text: str, checksum_length: int, keyring: Keyring, handlers: Handlers, now: int) -> Checked | Junk:
    """Check form, checksum, handler and issue time of a GLOB. ``now`` in Unix seconds. Needs no store.

    Unknown and disabled handlers and a wrong checksum are all ``forged``: before a good checksum no answer tells
    which check failed.
    """
    glob = tokens.parse(text, checksum_length)
    if glob is None:
        return Junk(Finding.of(Reason.MALFORMED), guess=False)
    key = keyring.verify(glob)
    if key is None:
        return Junk(Finding.of(Reason.FORGED, Because.CHECKSUM), guess=True)
    token, handler = glob.token, handlers.by_id.get(glob.token.handler)
    if handler is None or not handler.enabled:
        return Junk(Finding.of(Reason.FORGED, Because.HANDLER), guess=False)
    issued_at = token.issued_at
    if issued_at > now + FUTURE_SECONDS:
        return Junk(Finding.of(Reason.FORGED, Because.FUTURE), guess=False)
    expires_at = token.expires_at(handler.validity_days)
    return Checked(glob, token, key, handler, key.token_id(glob.text), issued_at, expires_at)


def check_standing(checked: Checked, facts: Facts | None, now: int) -> Finding | None:
    """Check whether a genuine token still stands: user, expiry, revocation. ``facts`` None: unknown."""
    if facts is not None and facts.user_disabled:
        return Finding.of(Reason.FORGED, Because.USER_DISABLED)
    if now >= checked.expires_at:
        return Finding(Reason.EXPIRED, expired_reply(checked.expires_at, checked.handler.expired_url))
    revoked = facts.revoked(checked.issued_at) if facts is not None else []
    return Finding.of(Reason.REVOKED, revoked[0]) if revoked else None
