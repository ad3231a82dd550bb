"""Find what a wrapped address stands for: in the ids that a reply names, and in the store's copy."""

from collections.abc import Collection
from typing import NamedTuple

from reply_milter.core.rules.thread import ThreadMatch, candidates
from reply_milter.core.token.keyring import Keyring, MasterKey
from reply_milter.core.token.verify import Checked
from reply_milter.core.wrapping import capsule
from reply_milter.core.wrapping.keys import context_of, open_capsule
from reply_milter.core.wrapping.plain import Plain, StoredOriginal
from reply_text.syntax import message_ids


class Unwrapped(NamedTuple):
    """``plain`` is None unless it is known what the address stands for.

    MATCH: the reply itself shows that it answers the notification. Else a ``plain`` is the store's alone.
    """

    match: ThreadMatch
    plain: Plain | None = None


def unwrap(
    checked: Checked,
    keyring: Keyring,
    in_reply_to: str,
    references: str,
    copy: StoredOriginal | None,
    accept_domains: Collection[str],
) -> Unwrapped:
    """Find what the address of ``checked`` stands for. ``copy``: what the store keeps for it; None for nothing.

    Match: a capsule opens under this address and has its context; or the copy does, and the reply names the Message-ID
    of the notification. Without that, the address alone would be enough. Mismatch: there is another's capsule. Absent:
    there is none.
    """
    master = keyring.master(checked.key.master_id)
    if master is None:
        return Unwrapped(ThreadMatch.ABSENT)
    ids = candidates(in_reply_to, references)
    readable = [*ids, *message_ids.identifiers(capsule.readable(references), last_first=True)]
    for sealed in dict.fromkeys(capsule.find(readable, accept_domains)):
        plain = _opened(checked, master, keyring.realm, sealed)
        if plain is not None:
            return Unwrapped(ThreadMatch.MATCH, plain)
    kept = _opened(checked, master, keyring.realm, copy.sealed) if copy is not None else None
    if kept is not None and copy is not None and copy.message_id in ids:
        return Unwrapped(ThreadMatch.MATCH, kept)
    foreign = any(capsule.is_capsule(one) for one in readable)
    return Unwrapped(ThreadMatch.MISMATCH if foreign else ThreadMatch.ABSENT, kept)


def _opened(checked: Checked, master: MasterKey, realm: str, sealed: bytes) -> Plain | None:
    """Open ``sealed`` if it was made for this very address; None else."""
    plain = open_capsule(master, realm, checked.token_text.text, sealed)
    if plain is None or context_of(checked.key, plain) != checked.token.context:
        return None
    return plain
