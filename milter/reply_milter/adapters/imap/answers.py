"""What a server's answers say: items of messages by UID, and sets of UIDs (RFC 3501 section 7, RFC 4315 section 3)."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from imapclient.response_parser import parse_fetch_response, parse_message_list

from reply_milter.adapters.imap.client import errors_told, shown
from reply_milter.adapters.imap.session import Answer
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError

LAST_UID = (1 << 32) - 1


def uid_set(uids: Sequence[int]) -> str:
    """Return UIDs as a command names them."""
    return ",".join(map(str, uids))


def items(answer: Answer, doing: str) -> Mapping[int, Mapping[bytes, object]]:
    """Read the items of a FETCH by UID. A message that was just expunged is no error (RFC 5530).

    Raises:
        MailboxRefusedError: the server said no.
    """
    if not answer.ok:
        if answer.words.startswith(b"[EXPUNGEISSUED]"):
            return {}
        raise MailboxRefusedError(f"{doing}: {shown(answer.words)}")
    return _read(answer, doing)


def told_of(answer: Answer, doing: str, uids: Collection[int]) -> set[int]:
    """Return those of ``uids`` that a FETCH or STORE tells of. Without a UID, a server means another message."""
    by_number = _read(answer, doing, by_uid=False)
    found = {cast(int, told[b"UID"]) for told in by_number.values() if b"UID" in told}
    return found.intersection(uids)


def found_in(answer: Answer) -> list[int]:
    """Read the UIDs that a SEARCH found, ascending."""
    if not answer.ok:
        raise MailboxUnavailableError(f"searching: {shown(answer.words)}")
    with errors_told("searching"):
        lines = [line for line in answer.data if isinstance(line, bytes)]
        return sorted({uid for line in lines for uid in parse_message_list([line]) if 0 < uid <= LAST_UID})


def copied_in(told: Sequence[bytes], doing: str, uids: Collection[int]) -> set[int]:
    """Return those of ``uids`` that COPYUID names as copied or moved. ``told``: what the codes say.

    A server that answers truly has no more ranges than we have UIDs, so no more are read.
    """
    with errors_told(doing):
        sources = [one.split(b" ", 2)[1].split(b",", len(uids)) for one in told[: len(uids)]]
        ranges = [_range(one) for source in sources for one in source[: len(uids)]]
        return {uid for uid in uids if any(first <= uid <= last for first, last in ranges[: len(uids)])}


def _range(written: bytes) -> tuple[int, int]:
    first, _, last = written.partition(b":")
    low, high = sorted((int(first), int(last or first)))
    return low, high


def _read(answer: Answer, doing: str, by_uid: bool = True) -> Mapping[int, Mapping[bytes, object]]:
    with errors_told(doing):
        found: Mapping[int, Mapping[bytes, object]] = parse_fetch_response(answer.data, uid_is_key=by_uid)
        return found
