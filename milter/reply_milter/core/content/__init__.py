"""What an application wants to post, out of the message that came: pure, octets in, values out.

::

    from reply_milter.core.content import read

    content = read(message, address_form, marker="-- reply above this line --")
    post(author=..., text=content.stripped or content.text, files=content.attachments)

``read`` takes what an MTA hands over by LMTP, verdict field included, and always gives a ``Content``: hostile octets
make an odd text, not an exception, and cost no more time than honest ones of their length. ``redact`` takes our reply
addresses out of any text, ``redact_message`` out of a message that is passed on as octets.

It does not judge: who the author is and what is answered stands in the verdict. HTML is as it came; whoever shows it
makes it safe first.
"""

from reply_milter.core.content.encoded_words import decode as decoded
from reply_milter.core.content.limits import Limits
from reply_milter.core.content.raw import redact_message
from reply_milter.core.content.reading import read
from reply_milter.core.content.redaction import redact
from reply_milter.core.content.values import Attachment, Content, Flaw
from reply_milter.core.mail.mailbox import Mailbox

__all__ = ["Attachment", "Content", "Flaw", "Limits", "Mailbox", "decoded", "read", "redact", "redact_message"]
