"""PLAIN: what a wrapped address stands for. It travels encrypted, and the token's context is its digest."""

from typing import NamedTuple

from reply_milter.core.encoding.tlv import tlv, untlv

_OCTETS = 4096  # no field from which PLAIN is made is longer


class ThreadName(NamedTuple):
    """The thread as the application names it. ``message_id`` without brackets; ``tag``: of the Subject, ``[x #7]``.

    Either may be empty, not both.
    """

    message_id: str
    tag: str


class Plain(NamedTuple):
    """``original``: the application's own address, its domain in lower case. ``recipient``: of the notification.

    ``thread``: only where ``original`` is one address for everybody, so that it doesn't say what is answered.
    """

    original: str
    recipient: str
    thread: ThreadName | None = None


class StoredOriginal(NamedTuple):
    """The store's copy of a capsule. ``sealed``: the same octets; ``message_id``: of the notification, no brackets.

    It counts only for a reply that names ``message_id``: else the address alone would be enough.
    """

    sealed: bytes
    message_id: str


def encode(plain: Plain) -> bytes:
    """Write ``plain`` as octets: two length-prefixed texts, or four with a thread."""
    return tlv(plain.original, plain.recipient, *(plain.thread or ()))


def decode(written: bytes) -> Plain | None:
    """Read what ``encode`` wrote; None for anything else."""
    parts = untlv(written) if len(written) <= _OCTETS else None
    if parts is None or len(parts) not in (2, 4):
        return None
    try:
        original, recipient, *thread = (part.decode("utf-8") for part in parts)
    except UnicodeDecodeError:
        return None
    return Plain(original, recipient, ThreadName(*thread) if thread else None)
