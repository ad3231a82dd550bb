"""A message as it stands at its end."""

from typing import NamedTuple

from reply_milter.core.fingerprint import BodyDigest
from reply_milter.core.message_rules import Message
from reply_milter.flows.recipient import ReplyRecipient


class Arrival(NamedTuple):
    """A whole message for one reply recipient. ``mixed``: others, who are not ours to decide about, get it too.

    ``parkable``: the MTA's hold queue would hold the others' mail as well; a hook that keeps it doesn't.
    """

    recipient: ReplyRecipient
    message: Message
    body: BodyDigest
    queue_id: str
    mixed: bool
    parkable: bool
    from_peer: bool
