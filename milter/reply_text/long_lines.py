"""Undo the line breaks that Postfix puts into lines longer than RFC 5321 section 4.5.3.1.6 allows.

Postfix writes the first 998 octets, CRLF, a space, and the next 997, whatever it divides by that: a word, a link, the
octets of one character. The hook's ``lmtp_line_length_limit`` does so, and any Postfix on the way. A line of exactly
998 octets above one that begins with a space hardly happens otherwise, and joining such lines takes no word away.
Breaks of another length can't be told from the author's.
"""

import re

_LIMIT = 998  # Postfix's default, and the RFC's
_BREAK = re.compile(rb"\r?\n ")
_BROKEN = re.compile(rb"(?:(?<=\n)|\A)[^\n]{%d}[^\r\n]\r?\n (?:[^\n]{%d}[^\r\n]\r?\n )*+" % (_LIMIT - 1, _LIMIT - 2))


def joined(octets: bytes) -> bytes:
    """Return the octets of a part, not yet decoded, with such lines as they were written. Linear."""
    if len(octets) <= _LIMIT:
        return octets
    return _BROKEN.sub(lambda lines: _BREAK.sub(b"", lines[0]), octets)
