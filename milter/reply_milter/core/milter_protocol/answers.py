"""Answers and edits as octets. Each edit comes before the answer to the end of a message."""

from struct import Struct
from typing import Final

from reply_milter.core.mail.headers import Append, Delete, Edit, Insert, RemoveRecipient, Replace
from reply_milter.core.milter_protocol.packets import packet
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject, Verdict

NAME: Final = "reply-milter"
CONTINUE: Final = packet(b"c")
ACCEPT: Final = packet(b"a")
DISCARD: Final = packet(b"d")
SKIP: Final = packet(b"s")
TEMPFAIL: Final = packet(b"t")
_INDEX: Final = Struct("!I")


def answer(verdict: Verdict) -> bytes:
    """Return the packets that carry out ``verdict``.

    Raises:
        ValueError: a text holds a NUL, or what UTF-8 cannot write.
    """
    match verdict:
        case Accept(edits=edits):
            return edited(edits) + CONTINUE if edits else CONTINUE
        case Park(edits=edits, reason=reason):
            return edited(edits) + packet(b"q", _text(f"{NAME}: {reason}")) + CONTINUE
        case Reject(reply=reply, edits=edits):
            return edited(edits) + packet(b"y", _text(f"{reply.code} {reply.enhanced} {reply.text}"))
        case Defer(reply=reply):
            return packet(b"y", _text(f"{reply.code} {reply.enhanced} {reply.text}"))
        case Discard():
            return DISCARD


def edited(edits: tuple[Edit, ...]) -> bytes:
    """Return the packets of ``edits``. A recipient that is not UTF-8 stays: see ``cannot_be_removed``."""
    return b"".join([_edit(edit) for edit in edits if not cannot_be_removed(edit)])


def cannot_be_removed(edit: Edit) -> bool:
    """Whether it removes a recipient that is not UTF-8: libmilter's Python binding takes UTF-8 only."""
    return isinstance(edit, RemoveRecipient) and not _is_utf8(edit.argument)


def _edit(edit: Edit) -> bytes:
    match edit:
        case Delete(name, index):
            return packet(b"m", _INDEX.pack(index) + _text(name) + b"\0")
        case Replace(name, index, value):
            return packet(b"m", _INDEX.pack(index) + _text(name) + _text(value))
        case Insert(name, value):
            return packet(b"i", _INDEX.pack(0) + _text(name) + _text(value))
        case Append(name, value):
            return packet(b"h", _text(name) + _text(value))
        case RemoveRecipient(argument):
            return packet(b"-", _text(argument))


def _text(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("a NUL in a text for the MTA")
    return text.encode() + b"\0"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
