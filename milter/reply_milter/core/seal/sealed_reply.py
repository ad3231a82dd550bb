"""Open a reply that the milter sealed; and the reasons why one cannot be delivered."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.verdict_header import SealProblem, unseal
from reply_milter.core.verdict.handler import HANDLER_NAME
from reply_milter.core.wrapping.wrap import Road
from reply_text.syntax.message_file import split

TOKEN_ID_LENGTH = 13  # characters of ``id`` that name the token; the rest names the message to it


class Undeliverable(StrEnum):
    """Why a message becomes a dead letter."""

    SEAL_MISSING = "seal_missing"
    SEAL_DOUBLED = "seal_doubled"
    SEAL_BROKEN = "seal_broken"
    OBSERVED = "observed"  # observe mode accepted what enforce mode would refuse
    NO_TOKEN = "no_token"  # noqa: S105 # nothing vouches for it; observe mode, too
    UNKNOWN_RESULT = "unknown_result"  # sealed by a later version, or by another holder of a seal key
    STALE = "stale"  # its token ended so long ago that no record says whether it was delivered
    UNKNOWN_HANDLER = "unknown_handler"
    NO_DESTINATION = "no_destination"
    UNRESTORABLE = "unrestorable"  # what its wrapped address stands for can't be put back: ``core.wrapping.restore``
    REFUSED = "refused"  # the destination says that it will never take it
    GAVE_UP = "gave_up"  # no destination took it for so long that the MTA would soon return it

    @property
    def is_alarming(self) -> bool:
        """Whether an operator should look: not for what observe mode accepts every day."""
        return self not in (Undeliverable.OBSERVED, Undeliverable.NO_TOKEN)


_PROBLEMS = {
    SealProblem.MISSING: Undeliverable.SEAL_MISSING,
    SealProblem.DOUBLED: Undeliverable.SEAL_DOUBLED,
    SealProblem.BROKEN: Undeliverable.SEAL_BROKEN,
}


_HEADER_OCTETS = 1 << 20  # no milter of ours seals a quarter of it, and millions of fields take gigabytes to hold
_ONE_MORE = b"x:\n"
_NEEDED = ("id", "handler", "user", "context", "issued", "expires")
_OF_AN_APPLICATION = frozenset({"class", "original"})  # either both or none
# What we write. Whoever holds a seal key may have sealed something else: a path for an id, times beyond all calendars.
_TIME = r"[0-9]{1,11}"
_FORMS = {
    "id": re.compile(r"[a-z2-7]{26}", re.ASCII),
    "handler": HANDLER_NAME,
    "user": re.compile(r"[0-9]{1,13}", re.ASCII),
    "context": re.compile(r"[0-9]{1,17}", re.ASCII),
    "issued": re.compile(_TIME, re.ASCII),
    "expires": re.compile(_TIME, re.ASCII),
    "replied_to": re.compile(r"[0-9]{1,12}", re.ASCII),
    "result": re.compile(r"pass|park"),
    "class": re.compile("|".join(Road)),
    "original": re.compile(r"[A-Za-z0-9_-]{23,5500}", re.ASCII),  # AES-SIV's 16 octets, and what they seal
}


@dataclass(frozen=True, slots=True)
class SealedReply:
    """What a good verdict says. Times in Unix seconds; texts are empty, and ``replied_to`` None, where it says nothing.

    ``id`` is the same whenever this message comes again: the idempotency key. ``parked``: to be confirmed first.
    ``road``: the tag ``class``, a value of ``Road``; ``original``: base64url of what the address stands for, sealed.
    Both are empty but for handlers that are wrapped. ``user`` and ``context`` are 0 where there is no token.
    """

    id: str
    user: int
    handler: str
    context: int
    issued: int
    expires: int
    parked: bool = False
    reason: str = "ok"
    thread: str = ""
    locator: str = ""
    replied_to: int | None = None
    sender: str = ""
    auth: str = ""
    replay: str = ""
    recipient_domain: str = ""
    queue: str = ""
    road: str = ""
    original: str = ""

    @property
    def token_id(self) -> str:
        """The name of the address in logs; the address cannot be derived from it."""
        return self.id[:TOKEN_ID_LENGTH]


def open_reply(message: bytes, seal_keys: Iterable[bytes]) -> SealedReply | Undeliverable:
    """Open the verdict on ``message``, as any of ``seal_keys`` may have sealed it, and compare its body."""
    if len(message) > _HEADER_OCTETS:
        fields, body = split(message[: message.rfind(b"\n", 0, _HEADER_OCTETS) + 1] + _ONE_MORE)
        if not body:  # that was still a field
            return Undeliverable.SEAL_BROKEN if _verdicts(fields) else Undeliverable.SEAL_MISSING
    fields, body = split(message)
    tags = unseal(_verdicts(fields), seal_keys)
    if isinstance(tags, SealProblem):
        return _PROBLEMS[tags]
    digest = BodyDigest()
    digest.feed(body)
    if tags.get("body") != digest.text():
        return Undeliverable.SEAL_BROKEN
    return _read(tags)


def _verdicts(fields: list[tuple[str, str]]) -> list[str]:
    return [value for name, value in fields if name.lower() == VERDICT.lower()]


def _read(tags: dict[str, str]) -> SealedReply | Undeliverable:
    if "would" in tags:
        return Undeliverable.OBSERVED
    if not tags.keys() >= set(_NEEDED):
        return Undeliverable.NO_TOKEN
    if not _are_sound(tags):
        return Undeliverable.UNKNOWN_RESULT
    texts = ("reason", "thread", "locator", "sender", "auth", "replay", "recipient_domain", "queue", "original")
    return SealedReply(
        id=tags["id"],
        user=int(tags["user"]),
        handler=tags["handler"],
        context=int(tags["context"]),
        issued=int(tags["issued"]),
        expires=int(tags["expires"]),
        parked=tags["result"] == "park",
        replied_to=int(tags["replied_to"]) if "replied_to" in tags else None,
        road=tags.get("class", ""),
        **{name: tags.get(name, "") for name in texts},
    )


def _are_sound(tags: dict[str, str]) -> bool:
    """Whether each tag has its form, and those that belong together are there together."""
    forms = all(form.fullmatch(tags[name]) for name, form in _FORMS.items() if name in tags)
    return forms and "result" in tags and len(_OF_AN_APPLICATION & tags.keys()) != 1
