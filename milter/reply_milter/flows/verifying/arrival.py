"""A message as it arrives, and as it is at its end."""

from typing import Final, final

from reply_milter.core.encoding.tlv import octets
from reply_milter.core.mail import headers
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.rules.message import Message
from reply_milter.core.verdict.answer import Action
from reply_milter.flows.service import Rules
from reply_milter.flows.verifying.recipient import ReplyRecipient
from reply_milter.ports import ParkingRoom


@final
class Content:
    """What is kept of header and body. ``fields``: by name in lower case; the rest is counted and forgotten.

    ``strict``: an application will read this header, so control characters in any field are looked for.
    """

    def __init__(self) -> None:
        self.fields: Final[dict[str, list[str]]] = {}
        self.field_count = 0
        self.field_octets = 0
        self.longest_name = 0
        self.body: Final = BodyDigest()
        self.body_octets = 0
        self.strict = False
        self.has_controls = False

    def add_field(self, name: str, value: str) -> None:
        """Keep what the rules read, within limits."""
        self.field_count += 1
        named = len(name)
        if named > self.longest_name:
            self.longest_name = named
        self.field_octets += named + (len(value) if value.isascii() else len(octets(value))) + 4
        if self.strict and not self.has_controls:
            self.has_controls = headers.holds_controls(name, value)
        known = name.strip().lower()
        if known not in headers.READ:
            return
        within = self.field_count <= headers.FIELDS_LIMIT and self.field_octets <= headers.OCTETS_LIMIT
        if within:
            self.fields.setdefault(known, []).append(value)
        elif known == headers.VERDICT.lower() and len(self.fields.get(known, ())) <= headers.FIELDS_LIMIT:
            self.fields.setdefault(known, []).append("")  # counted so that it is removed; its value is not kept

    def add_body(self, chunk: bytes) -> None:
        """Take the next octets of the body into the digest."""
        self.body_octets += len(chunk)
        self.body.feed(chunk)

    def message(self, sender: str) -> Message:
        """What the rules read of it. ``sender``: the argument of MAIL FROM."""
        return Message(
            null_sender=sender == "<>",
            fields=self.fields,
            field_count=self.field_count,
            field_octets=self.field_octets,
            size=self.field_octets + 2 + self.body_octets,
            longest_name=self.longest_name,
            sender=sender,
            has_controls=self.has_controls,
        )


@final
class Arrival:
    """A whole message for one reply recipient.

    ``has_other_recipients``: others, about whom we do not decide, get it too. ``parkable``: False where the MTA's hold
    queue would hold their mail as well; the hook parks a copy of its own. ``current``: the rules of this moment, whose
    keys and handlers say whether the token is still valid. ``room``: where it would be parked; None if that has no
    bound, or nothing is parked. ``source``: the header field that named the recipient; empty for RCPT TO.
    """

    def __init__(
        self,
        recipient: ReplyRecipient,
        message: Message,
        body: BodyDigest,
        queue_id: str,
        has_other_recipients: bool,
        parkable: bool,
        from_peer: bool,
        current: Rules,
        room: ParkingRoom | None,
        source: str = "",
    ) -> None:
        self.recipient: Final = recipient
        self.message: Final = message
        self.body: Final = body
        self.queue_id: Final = queue_id
        self.has_other_recipients: Final = has_other_recipients
        self.parkable: Final = parkable
        self.from_peer: Final = from_peer
        self.current: Final = current
        self.room: Final = room
        self.source: Final = source

    def stays(self, action: Action) -> bool:
        """Whether the reply is kept, and so claimed: in observe mode, too, so that later messages meet the same."""
        return action is Action.ACCEPT or (action is Action.PARK and self.parkable)

    def observed(self, recipient: ReplyRecipient) -> "Arrival":
        """The same message for ``recipient``, of which nothing is parked."""
        told = (self.queue_id, self.has_other_recipients, self.parkable, self.from_peer, self.current)
        return Arrival(recipient, self.message, self.body, *told, room=None, source=self.source)
