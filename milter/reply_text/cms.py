"""Read what an opaque S/MIME signature encloses (RFC 8551 section 3.5.2, RFC 5652), without keys or judgement.

No library that is kept reads the content of a signed message: cryptography's ``pkcs7`` signs and decrypts. So the few
elements on the way to it are read here, in BER, because Outlook and Thunderbird write lengths that are not known
beforehand. Elements are visited once and in order, so hostile nesting costs its length.
"""

from typing import NamedTuple

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_SEQUENCE, _EXPLICIT, _IDENTIFIER = 0x30, 0xA0, 0x06
_INTEGER, _SET = 0x02, 0x31
_OCTETS, _OCTETS_IN_PARTS = 0x04, 0x24
_CONSTRUCTED = 0x20
_LONGEST_LENGTH = 8  # octets of a length


class _BerError(Exception):
    """This is no BER, or another content type."""


class _Element(NamedTuple):
    """Its tag, and where its content begins and ends. ``end``: -1 if two zero octets end it."""

    tag: int
    start: int
    end: int


def signed_content(octets: bytes) -> bytes | None:
    """Return the octets that a CMS SignedData encloses: a MIME entity. Empty if it encloses none; never raises.

    None: this is another content type, such as encrypted or compressed data, or it can't be read.
    """
    try:
        return _content(octets)
    except _BerError:
        return None


def _content(octets: bytes) -> bytes:
    kind = _element(octets, _element(octets, 0, _SEQUENCE).start, _IDENTIFIER)
    if octets[kind.start : kind.end] != _SIGNED_DATA:
        raise _BerError
    signed = _element(octets, _element(octets, kind.end, _EXPLICIT).start, _SEQUENCE)
    version = _element(octets, signed.start, _INTEGER)
    digests = _element(octets, version.end, _SET)
    enclosed = _element(octets, _behind(octets, digests), _SEQUENCE)
    kind = _element(octets, enclosed.start, _IDENTIFIER)
    if kind.end == enclosed.end or octets[kind.end : kind.end + 1] != bytes((_EXPLICIT,)):
        return b""
    return _joined(octets, _any(octets, _element(octets, kind.end, _EXPLICIT).start))


def _element(octets: bytes, at: int, tag: int) -> _Element:
    found = _any(octets, at)
    if found.tag != tag:
        raise _BerError
    return found


def _any(octets: bytes, at: int) -> _Element:
    """Return the element at ``at``. All tags on the way have one octet."""
    if at + 2 > len(octets):
        raise _BerError
    tag, length, start = octets[at], octets[at + 1], at + 2
    if length == 0x80 and tag & _CONSTRUCTED:
        return _Element(tag, start, -1)
    if length >= 0x80:
        start += length - 0x80
        if not 0x80 < length <= 0x80 + _LONGEST_LENGTH or start > len(octets):
            raise _BerError
        length = int.from_bytes(octets[at + 2 : start], "big")
    return _Element(tag, start, min(start + length, len(octets)))


def _behind(octets: bytes, element: _Element) -> int:
    """Return the offset behind an element: for one without a length, behind its two zero octets."""
    at, depth = (element.end, 0) if element.end >= 0 else (element.start, 1)
    while depth:
        found = _any(octets, at)
        depth += (found.end < 0) - (octets[at] == 0)
        at = found.end if found.end >= 0 else found.start
    return at


def _joined(octets: bytes, element: _Element) -> bytes:
    """Return the content of an octet string, which may consist of others (X.690 section 8.7)."""
    if element.tag == _OCTETS:
        return octets[element.start : element.end]
    if element.tag != _OCTETS_IN_PARTS:
        raise _BerError
    pieces: list[bytes] = []
    at, depth = element.start, int(element.end < 0)
    limit = element.end if element.end >= 0 else len(octets)
    while at + 2 <= limit:
        found = _any(octets, at)
        if found.tag == _OCTETS:
            pieces.append(octets[found.start : found.end])
        at = found.end if found.tag in (_OCTETS, 0) else found.start
        depth += (found.tag == _OCTETS_IN_PARTS and found.end < 0) - (found.tag == 0)
        if found.tag not in (_OCTETS, _OCTETS_IN_PARTS, 0) or (found.tag == 0 and element.end < 0 and not depth):
            break
    return b"".join(pieces)
