"""Decode RFC 2047 encoded words in header fields, for display only: no decision depends on the result."""

import binascii
import re

from reply_text import charset, transfer

# Each `?` ends a part, so no text is searched twice. Some programs leave spaces in the last part.
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*)\?=")


def octets_of(value: str) -> bytes:
    """Return the octets of a field's value that ``message_file.split`` returned."""
    return value.encode("utf-8", "surrogateescape")


def plain(value: str) -> str:
    """Unfold ``value`` to one line, and read its octets as UTF-8 or Windows-1252."""
    return _unfolded(_bare(value))


def decode(value: str) -> str:
    """Unfold ``value``, and decode its encoded words.

    White space between two of them goes (section 6.2), and characters cut in two by programs that should not are put
    together.
    """
    pieces: list[str] = []
    run: list[bytes] = []  # octets of encoded words that belong together
    charset_of_run, position = "", 0
    for word in _WORD.finditer(value):
        gap = value[position : word.start()]
        name = word[1].partition("*")[0].lower()  # RFC 2231 section 5: a language may follow
        if run and (gap.strip() or name != charset_of_run):
            pieces.append(charset.decode(b"".join(run), charset_of_run).text)
            run = []
        if gap.strip() or not position:
            pieces.append(_bare(gap))
        run.append(_octets(word[2], word[3]))
        charset_of_run, position = name, word.end()
    pieces.append(charset.decode(b"".join(run), charset_of_run).text)
    pieces.append(_bare(value[position:]))
    return _unfolded("".join(pieces))


def _octets(encoding: str, text: str) -> bytes:
    octets = octets_of(text)
    if encoding in "bB":
        return transfer.decode(octets, "base64").octets
    return binascii.a2b_qp(octets, header=True)


def _bare(text: str) -> str:
    return charset.decode(octets_of(text)).text


def _unfolded(text: str) -> str:
    return " ".join(line.strip() for line in text.split("\n") if line.strip())
