"""Our reply addresses out of what an application gets: anybody who reads one could use it.

``read_redacted`` reads a reply for an application, ``redact`` cleans a text, ``redact_message`` a message that is
passed on as octets.
"""

from functools import partial

from reply_milter.core.redaction.message import redact_message
from reply_milter.core.redaction.text import redact
from reply_milter.core.token.address import AddressForm
from reply_text import Content, Limits, read

__all__ = ["read_redacted", "redact", "redact_message"]
_STANDARD = Limits()


def read_redacted(message: bytes, form: AddressForm, marker: str = "", limits: Limits = _STANDARD) -> Content:
    """Read ``message`` as ``reply_text.read`` does, without the reply addresses of ``form`` in any string of it."""
    return read(message, marker, limits, redact=partial(redact, form=form))
