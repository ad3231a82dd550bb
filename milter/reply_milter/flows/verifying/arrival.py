"""A message as it stands at its end."""

from typing import NamedTuple

from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.rules.message import Message
from reply_milter.flows.service import Rules
from reply_milter.flows.verifying.recipient import ReplyRecipient


class Arrival(NamedTuple):
    """A whole message for one reply recipient. ``mixed``: others, who are not ours to decide about, get it too.

    ``parkable``: the MTA's hold queue would hold the others' mail as well; a hook that keeps it doesn't. ``current``:
    the rules of this moment, of which keys and handlers say whether the token still stands.
    """

    recipient: ReplyRecipient
    message: Message
    body: BodyDigest
    queue_id: str
    mixed: bool
    parkable: bool
    from_peer: bool
    current: Rules
