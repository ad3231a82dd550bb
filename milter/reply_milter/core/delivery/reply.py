"""A reply as whoever takes it gets it: who answers what, and the text."""

from dataclasses import dataclass, field

from reply_milter.core.content import Attachment, Content
from reply_milter.core.seal.sealed_reply import SealedReply


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as an MTA hands it over. ``sender`` is empty for the null sender; addresses without brackets."""

    sender: str
    recipient: str
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """Trust ``user``, not the author: From and Subject are whatever the sender wrote.

    ``sealed``: all that the verdict says; ``content``: the message, read; ``envelope``: the message as it is.
    """

    sealed: SealedReply
    content: Content = field(repr=False)
    envelope: Envelope = field(repr=False)

    @property
    def id(self) -> str:
        """The idempotency key: store it with the post, and do nothing when it is there already."""
        return self.sealed.id

    @property
    def handler(self) -> str:
        """The name of the handler that the address was minted for."""
        return self.sealed.handler

    @property
    def user(self) -> int:
        """Who answers."""
        return self.sealed.user

    @property
    def context(self) -> int:
        """What is answered: the application's number, or a digest of the Message-ID of the notification."""
        return self.sealed.context

    @property
    def locator(self) -> str:
        """What is answered, where the Message-ID of the notification says it; else empty."""
        return self.sealed.locator

    @property
    def text(self) -> str:
        """The reply's own text, without what it quotes."""
        return self.content.stripped

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Files that came with it."""
        return self.content.attachments
