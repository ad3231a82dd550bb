"""A message as it stands at its end."""

from typing import NamedTuple

from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.rules.message import Message
from reply_milter.flows.service import Rules
from reply_milter.flows.verifying.recipient import ReplyRecipient


class Arrival(NamedTuple):
    """A whole message for one reply recipient.

    ``has_other_recipients``: others, who are not ours to decide about, get it too. ``parkable``: false where the MTA's
    hold queue would hold their mail as well; the hook parks a copy of its own. ``current``: the rules of this moment,
    whose keys and handlers say whether the token still stands.
    """

    recipient: ReplyRecipient
    message: Message
    body: BodyDigest
    queue_id: str
    has_other_recipients: bool
    parkable: bool
    from_peer: bool
    current: Rules
