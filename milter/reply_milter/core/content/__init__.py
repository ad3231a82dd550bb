"""Read from a message what an application wants to post: octets in, values out, no I/O.

::

    from reply_milter.core.content import read

    content = read(message, address_form, marker="-- reply above this line --")
    post(author=..., text=content.stripped or content.text, files=content.attachments)

``read`` takes a message as the MTA hands it over by LMTP, verdict field included, and always returns a ``Content``:
hostile octets give an odd text, not an exception, and take no more time than others of their length. ``redact`` removes
our reply addresses from a text, ``redact_message`` from a message that is passed on as octets.

Nothing is judged here: the verdict says who the author is and what is answered. HTML is as it came; the application
must sanitize it before it shows it.
"""

from reply_milter.core.content.encoded_words import decode as decoded
from reply_milter.core.content.limits import Limits
from reply_milter.core.content.raw import redact_message
from reply_milter.core.content.reading import read
from reply_milter.core.content.redaction import redact
from reply_milter.core.content.values import Attachment, Content, Flaw
from reply_milter.core.mail.mailbox import Mailbox

__all__ = ["Attachment", "Content", "Flaw", "Limits", "Mailbox", "decoded", "read", "redact", "redact_message"]
