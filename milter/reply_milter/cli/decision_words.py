"""What log lines mean, in words for an operator: reasons, causes, what became of deliveries and of notifications."""

from collections.abc import Mapping
from typing import Final

from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.core.verdict.reasons import Cause, Reason
from reply_milter.ports import Fate, Minting
from reply_milter.ports.delivery_telemetry import DeliveryEvent

FATES: Final[Mapping[Fate, str]] = {
    Fate.ACCEPT: "accepted",
    Fate.REJECT: "refused",
    Fate.DEFER: "deferred: the client keeps the message, and retries",
    Fate.DISCARD: "accepted and thrown away",
    Fate.PARK: "accepted and parked",
    Fate.DROPPED: "the reply recipient was removed; the other recipients got the message",
}

REASONS: Final[Mapping[Reason, str]] = {
    Reason.OK: "Nothing spoke against it.",
    Reason.MALFORMED: "The header is not in order: a reply has one From with one address, no repeated fields, and a"
    " normal size.",
    Reason.NOT_ALONE: "It was the second reply address of one message. The client sends it again, by itself.",
    Reason.FORGED: "No reply address of ours: the checksum is wrong, or its handler or user is disabled.",
    Reason.THROTTLED: "Too many invalid addresses came from this network within a minute (verify.forged_per_minute)."
    " Genuine addresses still pass.",
    Reason.EXPIRED: "The address was genuine, and is past its date (validity_days of the handler).",
    Reason.REVOKED: "The address was genuine, and was revoked.",
    Reason.STORE_UNAVAILABLE: 'The store did not answer in time. With store.on_failure = "defer" the client retries.',
    Reason.TOO_LARGE: "The message is larger than verify.max_message_bytes.",
    Reason.AUTO_REPLY: "An automatic message, such as an out-of-office notice. A refusal would bounce to a person who"
    " wrote nothing.",
    Reason.BOUNCE: "A delivery report, or a message from the null sender: no person wrote it.",
    Reason.LOOP: "One of our own reply addresses is in From, Sender or Reply-To.",
    Reason.THREAD_MISMATCH: "It answers another notification than the one that this address was sent with.",
    Reason.THREAD_ABSENT: "It names no notification in In-Reply-To or References: it was composed anew, or a relay or"
    " mail program lost these fields.",
    Reason.SENDER_MISMATCH: "From is neither the recipient of the notification nor an address on file for its user"
    " (reply-milter user show).",
    Reason.SENDER_UNKNOWN: "The address is bound to nobody, and its user has no address on file.",
    Reason.AUTH_FAIL: "Neither DMARC nor an aligned DKIM signature confirms the author.",
    Reason.AUTH_NONE: "No result of verify.authserv_id confirms the author: is the milter that writes it before us?",
    Reason.PARKING_FULL: "Too many replies of this user, or of all users, are parked ([delivery.confirm]).",
    Reason.SPENT: "The address has had as many replies as replies_per_token allows.",
    Reason.LEAKED: "More authors used the address than is allowed, so others know it.",
    Reason.DUPLICATE: "This very message was received before.",
    Reason.REPLAYED: "It is an earlier message with another text, or under another Message-ID.",
    Reason.NATIVE: "It went to a wrapped application's own address, which is closed (native in [handler.wrap]).",
    Reason.INTERNAL: "An error of this program. The log has its traceback at this second; the client retries.",
}
ADDRESS_MALFORMED: Final = (
    "It begins like a reply address, but holds no token in the spelling that is minted: cut off, altered, or made up."
)

CAUSES: Final[Mapping[Cause, str]] = {
    Cause.CHECKSUM: "The checksum is wrong: altered or made up, of another realm, or its master key is retired.",
    Cause.FORM: "The key in it names nobody: it was cut off, or altered, as by a server that folds letters.",
    Cause.STRANGER: "The application's source does not know the user, or what the address is about: is the file old?",
    Cause.SPELLING: "It is genuine, but spelled as its application never spells it (docs/runbooks/spellings.md).",
    Cause.SOURCE: "The source of the application's users gives no answer (docs/runbooks/native-source.md).",
    Cause.HANDLER: "Its handler is unknown here, or disabled in the configuration.",
    Cause.FUTURE: "It was issued in the future: the clock of this host, or of the one that mints, is wrong.",
    Cause.USER_DISABLED: "Its user is disabled (reply-milter user show).",
    Cause.TOKEN: "This one address was revoked.",
    Cause.USER: "All older addresses of its user were revoked.",
    Cause.OBJECT: "All older addresses about this thing were revoked.",
    Cause.BEFORE: "All addresses from before a certain time were revoked.",
    Cause.WRONG_AUTHORS: "Twenty wrong authors have written to it (docs/runbooks/leaked.md).",
}

# For an application's own addresses, what other words say of ours.
OF_NATIVE: Final[Mapping[Reason | Cause, str]] = {
    Reason.FORGED: "The application did not make this address, or it is no longer good for anybody.",
    Reason.STORE_UNAVAILABLE: "Whether the application made it can't be told now; the client retries.",
    Reason.EXPIRED: "The address was genuine, and its application no longer takes it either.",
    Cause.CHECKSUM: "The source knows the user, but another secret: the address is made up, or the secret has changed.",
    Cause.USER_DISABLED: "The application has disabled its user, or so the source says.",
    Cause.HANDLER: "The application has disabled what the address is for, or the handler is disabled here.",
}

NOTIFICATIONS: Final[Mapping[Minting, str]] = {
    Minting.MINTED: "It asked for a reply address, and got one.",
    Minting.REFUSED: "Its request for a reply address can't be met; the application heard 550 with the problem.",
    Minting.IGNORED: "It left without a reply address: who asked may not, or the message came from elsewhere.",
    Minting.WRAPPED: "The application's own address was replaced by one of ours.",
    Minting.DEFERRED: "Neither message nor store could hold what our address stands for; the application retries.",
    Minting.WOULD_WRAP: "Observe mode: it left as it came; enforce mode wraps it.",
    Minting.WOULD_REFUSE: "Observe mode: it left as it came; enforce mode refuses it.",
}

DELIVERIES: Final[Mapping[DeliveryEvent, str]] = {
    DeliveryEvent.DELIVERED: "The handler took the reply.",
    DeliveryEvent.REPEATED: "It was delivered before, or is a dead letter; the application did not get it again.",
    DeliveryEvent.DEFERRED: "The handler did not take it yet; the MTA keeps it and retries.",
    DeliveryEvent.PARKED: "It waits for its user's yes (reply-milter parked show).",
    DeliveryEvent.RELEASED: "Its user, or an operator, said yes.",
    DeliveryEvent.DISCARDED: "It was parked, and is deleted.",
    DeliveryEvent.IGNORED: "It came to the address of a question, and is no answer to it.",
    DeliveryEvent.DEAD_LETTER: "It is kept as a dead letter (reply-milter deadletter show).",
}

DEAD_LETTERS: Final[Mapping[Undeliverable, str]] = {
    Undeliverable.SEAL_MISSING: "It has no X-Reply-Verdict: it came to the hook past the milter.",
    Undeliverable.SEAL_DOUBLED: "It has more than one X-Reply-Verdict.",
    Undeliverable.SEAL_BROKEN: "Its seal does not match: header or body were changed on the way, or the hook lacks the"
    " seal key.",
    Undeliverable.OBSERVED: "Enforce mode would have refused it.",
    Undeliverable.NO_TOKEN: "Its verdict names no user.",
    Undeliverable.UNKNOWN_RESULT: "Its verdict is of a later version, or of another holder of a seal key.",
    Undeliverable.STALE: "Its address ended so long ago that no record says whether it was delivered.",
    Undeliverable.UNKNOWN_HANDLER: "No handler of that name is configured.",
    Undeliverable.NO_DESTINATION: "Its handler has no [handler.delivery].",
    Undeliverable.UNRESTORABLE: "What its address stands for can't be restored.",
    Undeliverable.REFUSED: "The handler refused it for good.",
    Undeliverable.GAVE_UP: "No handler took it within give_up_hours.",
}
