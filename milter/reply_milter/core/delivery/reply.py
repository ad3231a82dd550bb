"""The reply that a handler gets. Public, for plug-ins: ``reply_milter.plugin``."""

from dataclasses import dataclass, field

from reply_milter.core.seal.sealed_reply import SealedReply
from reply_text import Attachment, Content


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as the MTA hands it over. ``sender``: empty for the null sender. Addresses have no brackets."""

    sender: str
    recipient: str
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. Trust ``user``, not the author: the sender may have written anything into From and Subject.

    ``sealed``: the verdict; ``content``: the message, decoded; ``envelope``: the message as it arrived.
    """

    sealed: SealedReply
    content: Content = field(repr=False)
    envelope: Envelope = field(repr=False)

    @property
    def id(self) -> str:
        """The idempotency key: store it with the post, and do nothing if it is stored already."""
        return self.sealed.id

    @property
    def handler(self) -> str:
        """The name of the handler that the address was minted for."""
        return self.sealed.handler

    @property
    def user(self) -> int:
        """The id of the user who replies."""
        return self.sealed.user

    @property
    def context(self) -> int:
        """The subject of the reply: the application's number, or a digest of the notification's Message-ID."""
        return self.sealed.context

    @property
    def locator(self) -> str:
        """The LOCATOR of the notification's Message-ID, if it has the recommended form; else empty."""
        return self.sealed.locator

    @property
    def text(self) -> str:
        """The author's own text, without quotes and signature."""
        return self.content.stripped

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attached files."""
        return self.content.attachments
