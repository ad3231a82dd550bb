"""What your own handler needs: the reply that it gets, and what it may answer. See docs/delivery.md.

    from reply_milter.plugin import Done, Later, Never, Reply

    class Forum:
        name, description = "forum", "posts to the forum"

        def __init__(self, settings):
            self.url = settings["url"]

        def process(self, reply: Reply) -> Done | Later | Never:
            ...

Named by an entry point of the group ``reply_milter.handlers``. Needs neither a milter library nor a store.
"""

from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.seal.sealed_reply import SealedReply
from reply_text import Attachment, Content

__all__ = ["Attachment", "Content", "DeliveryOutcome", "Done", "Envelope", "Later", "Never", "Reply", "SealedReply"]
