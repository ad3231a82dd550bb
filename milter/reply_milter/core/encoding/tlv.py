"""Unambiguous concatenation: each part is written as its length and its octets.

Plain concatenation can be spliced (``.../2351`` + ``1220588887`` reads as ``.../235`` + ``11220588887``), so
everything that is hashed in this project goes through here.
"""


def octets(text: str) -> bytes:
    """UTF-8, with octets that the MTA passed through undecoded restored as they came."""
    return text.encode("utf-8", "surrogateescape")


def tlv(*parts: str | bytes) -> bytes:
    """Join ``parts``, each behind its length as a 4-byte big-endian integer; text is UTF-8."""
    joined = b""
    for part in parts:
        value = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        joined += len(value).to_bytes(4) + value
    return joined


def untlv(joined: bytes) -> list[bytes] | None:
    """Split what ``tlv`` joined; None where a length doesn't fit."""
    parts, position = [], 0
    while position < len(joined):
        start = position + 4
        position = start + int.from_bytes(joined[position:start])
        if start > len(joined) or position > len(joined):
            return None
        parts.append(joined[start:position])
    return parts
