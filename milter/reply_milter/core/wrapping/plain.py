"""PLAIN: what a wrapped address stands for. It travels encrypted, and the token's context is its digest."""

import re
from typing import NamedTuple

from reply_milter.core.encoding import base32

_OCTETS = 4096  # no field from which PLAIN is made is longer
_LENGTH_OCTETS = 2
_PACKED = 0xFF  # begins no UTF-8 text
_PACKED_HEAD = 3
_BYTE = 256
_BASE32_RUN = re.compile(rb"[A-Z2-7]{16,255}")


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
    """Write ``plain`` as octets: two texts, or four with a thread, each behind its length in two octets.

    A run of base32, as the keys of Gitea and Forgejo are, is written in five bits per character: else what stands for
    such an address would rarely fit an id.

    Raises:
        OverflowError: a text is longer than 65,535 octets.
    """
    return b"".join(map(_part, (plain.original, plain.recipient, *(plain.thread or ()))))


def decode(written: bytes) -> Plain | None:
    """Read what ``encode`` wrote; None for anything else, another way to write the same included."""
    parts, position = [], 0
    while position < len(written) <= _OCTETS:
        start = position + _LENGTH_OCTETS
        position = start + int.from_bytes(written[position:start])
        parts.append(_text(written[start:position]))
    if len(parts) not in (2, 4):
        return None
    original, recipient, *thread = parts
    plain = Plain(original, recipient, ThreadName(*thread) if thread else None)
    return plain if encode(plain) == written else None


def _part(text: str) -> bytes:
    octets = text.encode("utf-8", "surrogateescape")  # what is no UTF-8 is not read again
    runs = [(found.end() - found.start(), -found.start()) for found in _BASE32_RUN.finditer(octets)]
    length, start = max(runs, default=(0, 0))
    body = _packed(octets, -start, length) if length and -start < _BYTE else octets
    return len(body).to_bytes(_LENGTH_OCTETS) + body


def _packed(octets: bytes, start: int, length: int) -> bytes:
    """The place and the length of a run, the run in five bits per character, and what stands around it."""
    end = start + length
    run = base32.to_octets_filled(octets[start:end].decode("ascii").lower())
    return bytes([_PACKED, start, length]) + run + octets[:start] + octets[end:]


def _text(body: bytes) -> str:
    """Read one part. What nobody wrote gives some text, of which ``encode`` makes other octets."""
    if body[:1] != bytes([_PACKED]) or len(body) < _PACKED_HEAD:
        return body.decode("utf-8", "replace")
    start, length = body[1], body[2]
    bits = -(-5 * length // 8)
    run = base32.from_octets(body[_PACKED_HEAD : _PACKED_HEAD + bits])[:length].upper()
    around = body[_PACKED_HEAD + bits :]
    return (around[:start] + run.encode() + around[start:]).decode("utf-8", "replace")
