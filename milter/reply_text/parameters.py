"""Parse Content-Type and Content-Disposition: a word and its parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231).

Some programs write ``charset: utf-8`` for ``charset=utf-8``, or a second charset behind one that nobody knows.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from reply_text import charset, encoded_words
from reply_text.syntax.comments import without_comments

_LIMIT = 16 * 1024  # characters of a value that are read
_PARAMETER = re.compile(r';\s*([^\s;:="]++)\s*[:=]\s*(?:"((?:[^"\\]++|\\.)*+)"?|([^;]*+))', re.DOTALL)
_NAME = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")


class Value(NamedTuple):
    """The word in lower case; parameters, decoded, by name in lower case. ``charsets``: each given one, in order."""

    word: str
    parameters: dict[str, str]
    charsets: tuple[str, ...] = ()


def parse(value: str) -> Value:
    """Parse a field's value; every text gives a Value. If a parameter is given twice, the first counts."""
    text = value[:_LIMIT]
    word = without_comments(text.partition(";")[0]).strip().lower()
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    charsets: list[str] = []
    for name, index, extended, content in _given(text):
        known = sections.setdefault(name, {})
        charsets += [content] * (name == "charset" and index in known)
        known.setdefault(index, (content, extended))
    found = {name: _joined(parts) for name, parts in sections.items()}
    return Value(word, found, tuple([found["charset"], *charsets] if "charset" in found else []))


def _given(text: str) -> Iterator[tuple[str, int, bool, str]]:
    """Yield per parameter: name, number of its section, whether it is percent-encoded, text."""
    for parameter in _PARAMETER.finditer(text):
        name = _NAME.fullmatch(parameter[1].lower())
        if name:
            quoted = parameter[2]
            content = (parameter[3] or "").strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            yield name[1], int(name[2] or 0), bool(name[3]), content


def _joined(sections: dict[int, tuple[str, bool]]) -> str:
    """Join sections in order (RFC 2231), in the charset that the first one names; else decode RFC 2047 words."""
    ordered = [sections[index] for index in sorted(sections)]
    if not any(extended for _, extended in ordered):
        return encoded_words.decode("".join(content for content, _ in ordered))
    first, extended = ordered[0]
    name, _, rest = first.partition("'") if extended else ("", "", "")
    if extended and "'" in rest:
        ordered[0] = rest.partition("'")[2], True
    else:
        name = ""
    octets = b"".join(
        unquote_to_bytes(encoded_words.octets_of(content)) if percent else encoded_words.octets_of(content)
        for content, percent in ordered
    )
    return encoded_words.decode(charset.decode(octets, name).text)
