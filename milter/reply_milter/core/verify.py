"""The checks of a reply address itself, in the contract's order. Asked at RCPT, before the client sends any data."""

from dataclasses import dataclass
from typing import NamedTuple

from reply_milter.core import token as tokens
from reply_milter.core.handler import Handler, Handlers
from reply_milter.core.keyring import Keyring, UserKey
from reply_milter.core.policy import Finding
from reply_milter.core.token import Glob, Token
from reply_milter.core.verdict import Reason, expired_reply

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
    revoked_before: int = 0
    addresses: tuple[str, ...] = ()


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
        return Junk(Finding.of(Reason.FORGED), guess=True)
    token, handler = glob.token, handlers.by_id.get(glob.token.handler)
    issued_at = token.issued_at
    if handler is None or not handler.enabled or issued_at > now + FUTURE_SECONDS:
        return Junk(Finding.of(Reason.FORGED), guess=False)
    expires_at = token.expires_at(handler.validity_days)
    return Checked(glob, token, key, handler, key.token_id(glob.text), issued_at, expires_at)


def check_standing(checked: Checked, facts: Facts | None, now: int) -> Finding | None:
    """Check whether a genuine token still stands: user, expiry, revocation. ``facts`` None: unknown."""
    if facts is not None and facts.user_disabled:
        return Finding.of(Reason.FORGED)
    if now >= checked.expires_at:
        return Finding(Reason.EXPIRED, expired_reply(checked.expires_at, checked.handler.expired_url))
    if facts is not None and (facts.token_revoked or checked.issued_at < facts.revoked_before):
        return Finding.of(Reason.REVOKED)
    return None
