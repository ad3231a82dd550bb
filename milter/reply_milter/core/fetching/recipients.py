"""Find the reply address that a message in a mailbox was delivered to: a mailbox keeps no envelope.

The provider's last host writes the recipient into a field above the topmost ``Received`` (RFC 5321 section 4.4 puts
trace fields on top); below that, everything may be the sender's. Where a provider writes none, To and Cc are read: they
prove nothing, but a genuine token does. What has no token's form is not ours, such as mail to the bare mailbox.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

from reply_milter.core.mail.domain import in_ascii_lower_case
from reply_milter.core.token import token as tokens
from reply_milter.core.token.address import AddressForm, ReplyAddress, classify
from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.verify import Checked, check_token
from reply_milter.core.verdict.handler import Handlers
from reply_text.syntax.mailbox import mailboxes

HeaderFields = Sequence[tuple[str, str]]

_RECEIVED: Final = "received"
_WRITTEN: Final = ("to", "cc")
_VALUES: Final = 16  # fields of a name that are read, for each may hold a thousand addresses
_VALUE_OCTETS: Final = 1 << 16  # of one field that are read
_ADDRESSES: Final = 256  # that are compared with ours, in all


@dataclass(frozen=True, slots=True)
class Known:
    """What tells our addresses from others. ``now`` in Unix seconds."""

    form: AddressForm
    keyring: Keyring
    handlers: Handlers
    now: int


@dataclass(frozen=True, slots=True)
class Recipients:
    """The reply addresses of a message, each token once: those to judge it for; empty for a message that is no reply.

    One genuine address is the recipient, whatever forgeries stand beside it. Several are judged as several recipients
    of one message are at SMTP time. Without a genuine one, the first forgery is judged. ``is_single`` False: the
    provider's field is there several times, or names several recipients, so it does not say which one is meant.
    """

    addresses: tuple[str, ...] = ()
    is_single: bool = True

    def __bool__(self) -> bool:
        return bool(self.addresses)


def recipients(fields: HeaderFields, field: str, known: Known) -> Recipients:
    """Find the reply addresses in ``field``, in lower case; empty: To and Cc. ``fields``: the header, from its top."""
    values = list(islice(_values(fields, field), _VALUES))
    found = [address for value in values for address in mailboxes(value[:_VALUE_OCTETS])][:_ADDRESSES]
    ours: dict[str, ReplyAddress] = {}
    for one in (_of_ours(address, known) for address in found):
        if one is not None:
            ours.setdefault(in_ascii_lower_case(one.local), one)
    genuine = [one for one in ours.values() if _is_genuine(one, known)]
    addresses = tuple(f"{one.local}@{one.domain}" for one in genuine or list(ours.values())[:1])
    return Recipients(addresses, is_single=not field or len(values) == len(found) == 1)


def _values(fields: HeaderFields, field: str) -> Iterable[str]:
    if not field:
        return (value for name, value in fields if name.lower() in _WRITTEN)
    return _above_received(fields, field)


def _above_received(fields: HeaderFields, field: str) -> list[str]:
    """The values of ``field`` above the topmost Received. Without a Received, nothing is known to be the provider's."""
    above = list(takewhile(lambda one: one[0].lower() != _RECEIVED, fields))
    return [] if len(above) == len(fields) else [value for name, value in above if name.lower() == field]


def _of_ours(address: str, known: Known) -> ReplyAddress | None:
    """One of our addresses in its plain spelling, with a token's form; None for any other."""
    found = classify(known.form, f"<{address}>", None)
    if not isinstance(found, ReplyAddress):
        return None
    text = known.form.token_text(found.local)
    return found if tokens.parse(text, known.form.checksum_length) is not None else None


def _is_genuine(address: ReplyAddress, known: Known) -> bool:
    form = known.form
    text = form.token_text(address.local)
    return isinstance(check_token(text, form.checksum_length, known.keyring, known.handlers, known.now), Checked)
