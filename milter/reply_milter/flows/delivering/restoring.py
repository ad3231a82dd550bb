"""Give a reply to a wrapped address back to its application, under the address that ours stands for.

The envelope and the message of all other handlers stay as they are.
"""

import base64
import binascii
from collections.abc import Iterable

from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.seal.sealed_reply import SealedReply
from reply_milter.core.wrapping.keys import open_original
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.restore import Restoring, Unrestorable, restore
from reply_milter.core.wrapping.wrap import Road, Wrap
from reply_milter.flows.delivering.service import HookService


def given_back(service: HookService, sealed: SealedReply, envelope: Envelope) -> Envelope | Unrestorable:
    """The envelope as the handler gets it. The caller has the reply on record as tried."""
    handler = service.rules.handlers.named(sealed.handler)
    wrap = handler.wrap if handler else None
    if wrap is None:
        return Unrestorable("its handler has no [handler.wrap] now") if sealed.road else envelope
    plain = open_plain(service, sealed)
    if plain is None:
        return Unrestorable("the verdict has no original that a seal key opens")
    found = restore(envelope.message, _restoring(service, sealed, plain, wrap))
    return found if isinstance(found, Unrestorable) else Envelope(envelope.sender, found.recipient, found.message)


def open_plain(service: HookService, sealed: SealedReply) -> Plain | None:
    """What the address of a reply stands for; None if no seal key opens it, or nothing is sealed."""
    return plain_of(service.rules.seal_keys, sealed)


def plain_of(seal_keys: Iterable[bytes], sealed: SealedReply) -> Plain | None:
    """The same, for whoever has ``seal_keys`` and no service."""
    try:
        octets = base64.urlsafe_b64decode(sealed.original + "=" * (-len(sealed.original) % 4))
    except binascii.Error:
        return None
    return open_original(seal_keys, sealed.id, sealed.handler, octets)


def _restoring(service: HookService, sealed: SealedReply, plain: Plain, wrap: Wrap) -> Restoring:
    rules = service.rules
    return Restoring(
        plain=plain,
        wrap=wrap,
        road=Road(sealed.road),
        identifier=sealed.id,
        auth=sealed.auth,
        authserv_id=rules.authserv_id or rules.form.mint_domain,
        host=rules.form.mint_domain,
        received=service.ledger.entry(sealed.id).first_tried,
    )
