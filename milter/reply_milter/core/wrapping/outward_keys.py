"""Where a key stands in a header: in every way in which a mail program, or a person, would read it.

Folded, in encoded words (RFC 2047), percent-encoded (RFC 3986), behind backslashes, in another case.
"""

import re
from collections.abc import Container, Iterable, Iterator
from urllib.parse import unquote

from reply_milter.core.content import encoded_words
from reply_milter.core.mail.mailbox import plain
from reply_milter.core.wrapping.pattern import Pattern

_PERCENT_ROUNDS = 3  # a link inside of a link is encoded twice
_LINE_ENDS = {ord(character): None for character in "\r\n\0"}
_QUOTES = str.maketrans("", "", '\\"')
_NOT_SHOWN = str.maketrans("", "", '\r\n\0 \t\\"')  # what may stand within a word and is no part of it
# A run is taken once, from its start: what is not followed by an @ gives nothing back.
_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:@])[^\s<>()\[\],;:@]++@[^\s<>()\[\],;:@?\"'&]++")
_COSTLY = 64  # domains beyond ASCII of one field that are compared; each takes half a millisecond


class Keys:
    """The keys of a message's native addresses. Case does not count: some applications ignore it."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = {key.translate(_NOT_SHOWN).lower() for key in keys} - {""}

    def stand_in(self, text: str) -> bool:
        """Whether one of them stands in ``text``, in any reading."""
        return bool(self._keys) and any(map(self._are_in, readings(text)))

    def field_with_one(self, fields: Iterable[tuple[str, str]], but_for: Container[str] = ()) -> str:
        """The name of a field in which one stands, name or value; empty if none does. ``but_for``: in lower case."""
        looked_at = [(name, value) for name, value in fields if name.lower() not in but_for]
        plain = not self._are_in(";".join([f"{name}:{value}" for name, value in looked_at]))  # nearly always all
        for name, value in looked_at:
            encoded = "=?" in value or "%" in value
            if (encoded or not plain) and (self.stand_in(value) or self._are_in(name)):
                return name
        return "" if plain else "the header"

    def _are_in(self, shown: str) -> bool:
        squeezed = shown.translate(_NOT_SHOWN).lower()
        return any(key in squeezed for key in self._keys)


def readings(text: str) -> Iterator[str]:
    """``text`` unfolded, with its encoded words decoded, and both percent-decoded; more than once if need be."""
    unfolded = text.translate(_LINE_ENDS)
    for shown in (unfolded, encoded_words.decode(text)) if "=?" in text else (unfolded,):
        yield shown
        for _ in range(_PERCENT_ROUNDS):
            if "%" not in shown:
                break
            shown = unquote(shown)
            yield shown
            if "=?" in shown:
                yield encoded_words.decode(shown)


def natives_in(text: str, pattern: Pattern) -> Iterator[tuple[str, str]]:
    """Addresses in ``text`` that match ``pattern``, each with its key: in any reading, but whole."""
    costly = 0
    for shown in (one for reading in readings(text) for one in dict.fromkeys((reading, plain(reading)))):
        for found in _ADDRESS.finditer(shown.translate(_QUOTES)) if "@" in shown else ():
            address = found[0].rstrip(".'")
            domain = address.rpartition("@")[2]
            costly += not domain.isascii()
            if domain.lower() != pattern.domain and (domain.isascii() or costly > _COSTLY):
                continue
            matched = pattern.match(address)
            if matched is not None:
                yield address, matched.key
