"""Mint the address that stands for an application's own, for one recipient."""

from dataclasses import dataclass

from reply_milter.core.mail import domain
from reply_milter.core.token import token
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.token import Token
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping import capsule, keys
from reply_milter.core.wrapping.plain import Plain

_GRACE_SECONDS = 7 * 86400  # the store's copy outlives the token by this, so that a late reply hears that it expired


@dataclass(frozen=True, slots=True)
class Minted:
    """``capsule``: an id without brackets, empty where it would be too long. ``sealed``: what it holds.

    ``kept_until``: Unix seconds until which the store keeps a copy of that.
    """

    address: str
    token_id: str
    capsule: str
    sealed: bytes
    kept_until: int


def normal(address: str) -> str:
    """The one form of a recipient in which it is compared and becomes a user number."""
    return domain.normalise(address) or address.lower()


def mint(plain: Plain, handler: Handler, bind_sender: bool, now: int, keyring: Keyring, form: AddressForm) -> Minted:
    """Mint the address for ``plain``; the same one again for the same within a minute. ``now`` in Unix seconds."""
    master, recipient = keyring.active, domain.normalise(plain.recipient)
    user = keys.pseudo_user(master, keyring.realm, recipient or normal(plain.recipient))
    key = keyring.minting_key(user)
    sender = key.sender(recipient) if recipient and bind_sender else 0
    made = Token(user, handler.id, token.issued_minutes(now), keys.context_of(key, plain), sender)
    glob = made.unsigned() + key.checksum(made, form.checksum_length)
    sealed = keys.seal_capsule(master, keyring.realm, glob, plain)
    identifier = capsule.write(form.mint_domain, sealed)
    return Minted(
        address=form.write(glob),
        token_id=key.token_id(glob),
        capsule=identifier if capsule.fits(identifier) else "",
        sealed=sealed,
        kept_until=made.expires_at(handler.validity_days) + _GRACE_SECONDS,
    )
