"""Who answers through a genuine native address, in the terms in which answers to addresses of ours are judged."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from reply_milter.core.encoding import base32
from reply_milter.core.encoding.tlv import tlv
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import Known
from reply_milter.core.token.keyring import Keyring, UserKey
from reply_milter.core.token.token import CONTEXT_LIMIT, EPOCH, Token, TokenText
from reply_milter.core.token.verify import Checked
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping.keys import pseudo_user

_DAY: Final = 86400
_NAME_CHARACTERS: Final = 26
_LONGEST_DAYS: Final = 3660  # how long claims are kept of an address that never ends


@dataclass(frozen=True, slots=True)
class Claimant:
    """``address``: the native one. ``named``: what it names. ``addresses``: those that may answer; empty: anybody.

    ``recipient``: who is asked about a parked reply; empty where no such address of the user is known.
    """

    address: str
    named: Named
    addresses: tuple[str, ...]
    recipient: str


def claimant(address: str, named: Named, known: Known, handler: Handler) -> Claimant:
    """Whose address it is. Without ``bind_sender`` anybody may answer."""
    binds = handler.wrap is not None and handler.wrap.bind_sender
    return Claimant(address, named, *((known.addresses, known.main_address) if binds else ((), "")))


def checked(named: Named, known: Known, handler: Handler, keyring: Keyring, now: int) -> Checked:
    """What a token of ours would be for the same answer; names are made of (user, payload), never of the spelling.

    Its key comes of the application's secret and of none of ours, so that a rotation forgets no claim.
    """
    about = (b"reply-milter/1/native", keyring.realm, handler.name, named.identity)
    secret = (known.secret + known.data_secret).encode()
    key = UserKey("", hmac.digest(secret, tlv(*about), hashlib.sha256))
    name = base32.leftmost(hashlib.sha256(tlv(*about)).digest(), _NAME_CHARACTERS)
    user = pseudo_user(keyring.active, keyring.realm, known.main_address or str(named.user))
    context = int.from_bytes(hashlib.sha256(tlv(b"context", *about)).digest()) % CONTEXT_LIMIT
    token = Token(user, handler.id, max(named.issued_at - EPOCH, 0) // 60, context)
    ends = named.last_second if named.last_second is not None else known.expires or now + _LONGEST_DAYS * _DAY
    token_id = key.token_id(name)
    return Checked(TokenText(name, token, ""), token, key, handler, token_id, named.issued_at, ends + 1)
