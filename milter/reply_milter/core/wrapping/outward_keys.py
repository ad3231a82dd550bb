"""Where a key stands in a header: in every way in which a mail program, or a person, would read it.

Folded, in encoded words (RFC 2047), percent-encoded (RFC 3986), behind backslashes, in another case. Each notification
comes through here, so a header is searched as one text. Keys and addresses are ASCII: charsets need not be decoded.
"""

import binascii
import re
from collections.abc import Container, Iterable, Iterator
from urllib.parse import unquote

from reply_milter.core.wrapping.pattern import Pattern
from reply_text import transfer
from reply_text.encoded_words import octets_of
from reply_text.syntax.mailbox import plain

_PERCENT_ROUNDS = 3  # a link inside of a link is encoded twice
# White space between two encoded words is none (RFC 2047 section 6.2). Each `?` ends a part.
_WORD = re.compile(r"=\?[^?\s]{1,64}\?([bBqQ])\?([^?]*)\?=(?:[ \t\r\n]++(?==\?))?")
# A run is taken once, from its start: what is not followed by an @ gives nothing back.
_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:@])[^\s<>()\[\],;:@]++@[^\s<>()\[\],;:@?\"'&]++")
_AROUND_AT = re.compile(r"[ \t](?=[@.])|[@.][ \t]")  # RFC 5322 section 4.4: no part of the address
_COSTLY = 64  # domains beyond ASCII of one field that are compared; each takes half a millisecond


class Keys:
    """The keys of a message's native addresses. Case does not count: some applications ignore it."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = {_squeezed(key) for key in keys} - {""}

    def stand_in(self, text: str) -> bool:
        """Whether one of them stands in ``text``, in any reading."""
        if not self._keys:
            return False
        if "%" not in text and "=?" not in text:
            return self._are_in(text)
        return any(map(self._are_in, readings(text)))

    def field_with_one(self, fields: Iterable[tuple[str, str]], but_for: Container[str] = ()) -> str:
        """The name of a field in which one stands, name or value; empty if none does. ``but_for``: in lower case."""
        looked_at = [(name, value) for name, value in fields if name.lower() not in but_for]
        if not self.stand_in("|".join([text for field in looked_at for text in field])):
            return ""
        return next((name for name, value in looked_at if self.stand_in(f"{name}|{value}")), "the header")

    def _are_in(self, shown: str) -> bool:
        squeezed = _squeezed(shown)
        return any(key in squeezed for key in self._keys)


def readings(text: str) -> Iterator[str]:
    """``text`` unfolded, with its encoded words decoded, and both percent-decoded; more than once if need be."""
    unfolded = text.replace("\r", "").replace("\n", "")
    yield from _percent_decoded(unfolded)
    if "=?" in unfolded:
        yield from _percent_decoded(_WORD.sub(_decoded, unfolded))


def natives_in(text: str, pattern: Pattern) -> Iterator[tuple[str, str]]:
    """Addresses in ``text`` that match ``pattern``, each with its key: in any reading, but whole."""
    costly = 0
    for reading in readings(text):
        shown = reading.replace('"', "").replace("\\", "")
        spaced = _AROUND_AT.search(shown) is not None
        if "@" not in shown or (shown.isascii() and not spaced and f"@{pattern.domain}" not in shown.lower()):
            continue
        for found in _ADDRESS.findall(f"{shown} {plain(shown)}" if spaced else shown):
            address = found.rstrip(".'")
            domain = address.rpartition("@")[2]
            costly += not domain.isascii()
            if domain.lower() != pattern.domain and (domain.isascii() or costly > _COSTLY):
                continue
            matched = pattern.match(address)
            if matched is not None:
                yield address, matched.key


def _percent_decoded(shown: str) -> Iterator[str]:
    yield shown
    for _ in range(_PERCENT_ROUNDS):
        before, shown = shown, unquote(shown) if "%" in shown else shown
        if shown == before:
            return
        yield _WORD.sub(_decoded, shown)


def _decoded(word: "re.Match[str]") -> str:
    octets = octets_of(word[2])
    if word[1] in "bB":
        return transfer.decode(octets, "base64").octets.decode("latin-1")
    return binascii.a2b_qp(octets, header=True).decode("latin-1")


def _squeezed(shown: str) -> str:
    """In lower case, without what may stand within a word and is no part of it."""
    return "".join(shown.split()).replace('"', "").replace("\\", "").replace("\0", "").lower()
