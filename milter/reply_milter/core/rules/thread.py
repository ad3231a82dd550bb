"""Whether a reply answers the notification that its address was minted for."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

from reply_milter.core.mail import message_id
from reply_milter.core.mail.message_id import Thread
from reply_milter.core.token.keyring import UserKey
from reply_text.syntax import message_ids
from reply_text.syntax.message_ids import CANDIDATES


class ThreadMatch(StrEnum):
    """``none``: the handler's context is an integer and binds no thread."""

    MATCH = "match"
    MISMATCH = "mismatch"
    ABSENT = "absent"
    NONE = "none"


class ThreadFinding(NamedTuple):
    """``thread``: locator and replied-to of the matching Message-ID, if it has the recommended form."""

    match: ThreadMatch
    thread: Thread | None = None


def candidates(in_reply_to: str, references: str) -> list[str]:
    """Return the ids that a reply may answer: of In-Reply-To, then of References from the last; at most 16.

    Some clients omit the brackets; then the words with an ``@`` are the ids.
    """
    ids = message_ids.identifiers(in_reply_to) or message_ids.unbracketed(in_reply_to)
    more = CANDIDATES - len(ids)
    others = message_ids.identifiers(references, more, last_first=True)
    return ids + (others or message_ids.unbracketed(references)[::-1][:more])


def bind(key: UserKey, context: int, ids: Sequence[str], own_domains: Collection[str]) -> ThreadFinding:
    """Return match if an id digests to ``context``; else mismatch if one is a notification of ours; else absent.

    Absent and mismatch differ because relays and mail programs lose threading headers, while the id of
    another notification shows that the address is used for another thread.
    """
    for identifier in ids:
        if key.thread(identifier) == context:
            return ThreadFinding(ThreadMatch.MATCH, message_id.parse(identifier))
    for identifier in ids:
        thread = message_id.parse(identifier)
        if thread is not None and thread.domain in own_domains:
            return ThreadFinding(ThreadMatch.MISMATCH)
    return ThreadFinding(ThreadMatch.ABSENT)
