"""A message as it lies in a file: header fields and body, without interpretation."""

from collections.abc import Iterator


def split(message: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """The fields of a message, names as written and values unfolded by nothing, and its body.

    Lines may end in CRLF or LF. An mbox ``From`` line on top is skipped. The header ends at the first empty line, or at
    the first line that is no field (RFC 5322 section 2.2), which then belongs to the body.
    """
    fields: list[tuple[str, str]] = []
    position = 0
    for line, end in _lines(message):
        text = line.rstrip(b"\r\n")
        if not text:
            return fields, message[end:]
        name, colon, value = text.partition(b":")
        if line[:1] in b" \t" and fields:
            last, before = fields[-1]
            fields[-1] = (last, f"{before}\n{_text(text)}")
        elif colon and _is_name(name.rstrip(b" \t")):
            fields.append((_text(name.rstrip(b" \t")), _text(value)))
        elif not (position == 0 and text.startswith(b"From ")):
            return fields, message[position:]
        position = end
    return fields, b""


def _lines(message: bytes) -> Iterator[tuple[bytes, int]]:
    """Each line with its ending, and the offset behind it. Only LF ends a line: splitlines() knows ten other ways."""
    start = 0
    while start < len(message):
        end = message.find(b"\n", start) + 1 or len(message)
        yield message[start:end], end
        start = end


def _is_name(name: bytes) -> bool:
    return bool(name) and all(33 <= octet <= 126 for octet in name)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
