"""Check a reply address itself, at RCPT, before the client sends any data; docs/flow.md has the order."""

from dataclasses import dataclass
from typing import NamedTuple

from reply_milter.core.token import token as tokens
from reply_milter.core.token.keyring import Keyring, UserKey
from reply_milter.core.token.token import Token, TokenText
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Cause, Reason, expired_reply
from reply_milter.core.wrapping.plain import StoredOriginal

FUTURE_SECONDS = 300  # how far a minting host's clock may be ahead of ours


class Checked(NamedTuple):
    """A token with a good checksum: who may answer what, and the key that verified it. Times in Unix seconds."""

    token_text: TokenText
    token: Token
    key: UserKey
    handler: Handler
    token_id: str
    issued_at: int
    expires_at: int


class Facts(NamedTuple):
    """The store's record of a token, its user and its object. Times in Unix seconds; 0 means never.

    ``original``: of a wrapped address, where it was asked for and is kept.
    """

    user_disabled: bool = False
    token_revoked: bool = False
    user_revoked_before: int = 0
    object_revoked_before: int = 0
    all_revoked_before: int = 0
    addresses: tuple[str, ...] = ()
    original: StoredOriginal | None = None

    def revoked(self, issued_at: int) -> list[Cause]:
        """Return what revokes a token of that time; may be several causes, or none."""
        times = (self.user_revoked_before, self.object_revoked_before, self.all_revoked_before)
        found = [Cause.TOKEN] if self.token_revoked else []
        by_time = zip((Cause.USER, Cause.OBJECT, Cause.BEFORE), times, strict=True)
        return found + [cause for cause, before in by_time if issued_at < before]


@dataclass(frozen=True, slots=True)
class Junk:
    """Not a token of ours. ``guess``: it has a token's form and a wrong checksum, so it counts towards throttling.

    ``token`` and its id are set if the checksum is good. The flow then queries the store as for any token and ignores
    its answer: the response time must not show whether a handler or a user is disabled.
    """

    finding: Finding
    guess: bool = False
    token: Token | None = None
    token_id: str = ""


def check_token(text: str, checksum_length: int, keyring: Keyring, handlers: Handlers, now: int) -> Checked | Junk:
    """Check form, checksum, handler and issue time of a GLOB. ``now`` in Unix seconds. Needs no store.

    Unknown and disabled handlers and a wrong checksum are all ``forged``: without a good checksum, no answer shows
    which check failed.
    """
    token_text = tokens.parse(text, checksum_length)
    if token_text is None:
        return Junk(Finding.of(Reason.MALFORMED))
    return check_token_text(token_text, keyring, handlers, now)


def check_token_text(token_text: TokenText, keyring: Keyring, handlers: Handlers, now: int) -> Checked | Junk:
    """Check a GLOB that is already parsed, with the keys, handlers and time of now."""
    key = keyring.verify(token_text)
    if key is None:
        return Junk(Finding.of(Reason.FORGED, Cause.CHECKSUM), guess=True)
    token, handler = token_text.token, handlers.by_id.get(token_text.token.handler)
    token_id, issued_at = key.token_id(token_text.text), token.issued_at
    if handler is None or not handler.enabled:
        return Junk(Finding.of(Reason.FORGED, Cause.HANDLER), token=token, token_id=token_id)
    if issued_at > now + FUTURE_SECONDS:
        return Junk(Finding.of(Reason.FORGED, Cause.FUTURE), token=token, token_id=token_id)
    expires_at = token.expires_at(handler.validity_days)
    return Checked(token_text, token, key, handler, token_id, issued_at, expires_at)


def check_standing(checked: Checked, facts: Facts | None, now: int) -> Finding | None:
    """Check whether a genuine token is still valid: user, expiry, revocation. ``facts`` None: unknown."""
    if facts is not None and facts.user_disabled:
        return Finding.of(Reason.FORGED, Cause.USER_DISABLED)
    if now >= checked.expires_at:
        return Finding(Reason.EXPIRED, expired_reply(checked.expires_at, checked.handler.expired_url))
    revoked = facts.revoked(checked.issued_at) if facts is not None else []
    return Finding.of(Reason.REVOKED, revoked[0]) if revoked else None
