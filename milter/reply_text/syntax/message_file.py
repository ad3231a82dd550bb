"""Split a message file into header fields and body, without interpretation."""

import re
from collections.abc import Iterator

_MBOX_LINES = re.compile(rb"(?:>*From [^\n]*(?:\n|\Z))*", re.IGNORECASE)
_BARE_LF = re.compile(rb"(?<!\r)\n")


def split(message: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Return the fields of a message, with names and folding as written, and its body.

    Lines may end in CRLF or LF. An mbox ``From`` line on top is skipped, even with a colon: an MTA reads
    ``From : Jane`` as one, too. The header ends at the first empty line, or at the first line that is not a field
    (RFC 5322 section 2.2); that line belongs to the body.
    """
    fields: list[tuple[str, list[str]]] = []
    position, body = _end_of_mbox_lines(message), len(message)
    for line, end in _lines(message, position):
        text = line.rstrip(b"\r\n")
        name, colon, value = text.partition(b":")
        if not text:
            body = end
            break
        if line[:1] in b" \t" and fields:
            fields[-1][1].append(_text(text))
        elif colon and _is_name(name.rstrip(b" \t")):
            fields.append((_text(name.rstrip(b" \t")), [_text(value)]))
        else:
            body = position
            break
        position = end
    return [(known, "\n".join(lines)) for known, lines in fields], message[body:]


def as_sent(body: bytes) -> bytes:
    """Return a body as SMTP carries it: every line, including the last, ends in CRLF (RFC 5321 section 2.3.8)."""
    whole = _BARE_LF.sub(b"\r\n", body)
    return whole if not whole or whole.endswith(b"\r\n") else whole + b"\r\n"


def _end_of_mbox_lines(message: bytes) -> int:
    found = _MBOX_LINES.match(message)
    return found.end() if found else 0


def _lines(message: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    """Yield each line with its ending, and the offset after it. Only LF ends a line, unlike in splitlines()."""
    while start < len(message):
        end = message.find(b"\n", start) + 1 or len(message)
        yield message[start:end], end
        start = end


def _is_name(name: bytes) -> bool:
    return bool(name) and all(33 <= octet <= 126 for octet in name)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
