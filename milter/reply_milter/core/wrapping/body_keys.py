"""Where keys of an application stand in the body of its notification: they stay there, as bodies are not changed."""

from collections.abc import Iterator
from typing import NamedTuple

from reply_milter.core.wrapping.outward_keys import Keys, natives_in
from reply_milter.core.wrapping.pattern import Pattern
from reply_text import charset, transfer
from reply_text.limits import Limits
from reply_text.parts import Opening, Part


class KeyPlace(NamedTuple):
    """``part``: its media type. ``line``: counted from 1, after decoding; 0 where a key runs over several lines."""

    part: str
    line: int


def keys_in_body(message: bytes, keys: Keys, pattern: Pattern) -> list[KeyPlace]:
    """Find each line of a text part in which one of ``keys`` stands, or an address of ``pattern`` with any key."""
    leaves = Opening(message, Limits()).root().leaves()
    return [place for part in leaves if _is_text(part) for place in _places(message, part, keys, pattern)]


def _is_text(part: Part) -> bool:
    return part.content_type.word.partition("/")[0] in ("", "text")


def _places(message: bytes, part: Part, keys: Keys, pattern: Pattern) -> Iterator[KeyPlace]:
    plain = transfer.decode(message[part.start : part.end], part.value("content-transfer-encoding"))
    text = charset.decode(plain.octets, *part.content_type.charsets).text + "\n" + charset.decode(plain.rest).text
    kind, found = part.content_type.word, False
    kind = kind if kind.isascii() and kind.isprintable() and kind else "text/plain"  # it is shown on a terminal
    for number, line in enumerate(text.split("\n"), 1):
        if keys.stand_in(line) or (pattern.has_key and any(True for _ in natives_in(line, pattern))):
            found = True
            yield KeyPlace(kind, number)
    if not found and keys.stand_in(text):
        yield KeyPlace(kind, 0)
