"""Go's gob encoding (encoding/gob), for the three basic types that Gitea's tokens are made of.

Each value is a message of its own: octets of the rest, type id, an octet 0, the value. Go reads many spellings of one
value; only the one that Go writes is read here: whoever could choose among several could get one reply taken twice.
"""

from typing import Final, Generic, Literal, NamedTuple, TypeVar, overload

INT: Final = 2
UINT: Final = 3
OCTETS: Final = 5
_Number = Literal[2, 3]
_T = TypeVar("_T", int, bytes)

_ONE_OCTET = 128  # smaller numbers are written as themselves
_WIDEST = 8  # octets of a number


class Read(NamedTuple, Generic[_T]):
    """A value, and the offset behind it. An integer for INT and UINT, octets for OCTETS."""

    value: _T
    end: int


def write_uint(value: int) -> bytes:
    """Write ``value`` (0 to 2**64 - 1) as a message."""
    return _message(UINT, _number(value))


def write_int(value: int) -> bytes:
    """Write ``value`` (64 bits, signed) as a message."""
    return _message(INT, _number(_unsigned(value)))


def write_octets(value: bytes) -> bytes:
    """Write octets as a message."""
    return _message(OCTETS, _number(len(value)) + value)


@overload
def read(octets: bytes, start: int, kind: _Number) -> Read[int] | None: ...


@overload
def read(octets: bytes, start: int, kind: Literal[5]) -> Read[bytes] | None: ...


def read(octets: bytes, start: int, kind: int) -> Read[int] | Read[bytes] | None:
    """Read the message of type ``kind`` that begins at ``start``. None for any that Go would not write so."""
    length = _read_number(octets, start)
    if length is None:
        return None
    begin, end = length[1], length[1] + length[0]
    head = _number(_unsigned(kind)) + b"\0"
    value = begin + len(head)
    if not value < end <= len(octets) or octets[begin:value] != head:  # compiled code takes no slice that ends earlier
        return None
    return _value(octets[value:end], kind, end)


@overload
def read_loosely(octets: bytes, start: int, kind: _Number) -> Read[int] | None: ...


@overload
def read_loosely(octets: bytes, start: int, kind: Literal[5]) -> Read[bytes] | None: ...


def read_loosely(octets: bytes, start: int, kind: int) -> Read[int] | Read[bytes] | None:
    """Read the next value of type ``kind`` as Go does.

    Numbers may have more octets than needed, type definitions stand before it, and octets behind it in its message.
    """
    while (length := _loose_number(octets, start)) is not None:
        begin, end = length[1], length[1] + length[0]
        message = octets[begin:end]
        named = _loose_number(message, 0)
        if end > len(octets) or not message or named is None:
            return None
        if _signed(named[0]) < 0:  # a definition; Go reads past it
            start = end
            continue
        return _loose_value(message, named, kind, end)
    return None


def _loose_value(message: bytes, named: tuple[int, int], kind: int, end: int) -> Read[int] | Read[bytes] | None:
    zero = _loose_number(message, named[1])
    number = _loose_number(message, zero[1]) if zero is not None and zero[0] == 0 else None
    if _signed(named[0]) != kind or number is None:
        return None
    value, at = number
    if kind != OCTETS:
        return Read(value if kind == UINT else _signed(value), end)
    return Read(message[at : at + value], end) if at + value <= len(message) else None


def _value(body: bytes, kind: int, end: int) -> Read[int] | Read[bytes] | None:
    number = _read_number(body, 0)
    if number is None:
        return None
    value, at = number
    if kind == OCTETS:
        return Read(body[at:], end) if len(body) - at == value else None
    if at != len(body):
        return None
    return Read(value if kind == UINT else _signed(value), end)


def _message(kind: int, value: bytes) -> bytes:
    body = _number(_unsigned(kind)) + b"\0" + value
    return _number(len(body)) + body


def _number(value: int) -> bytes:
    if value < _ONE_OCTET:
        return bytes([value])
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([256 - len(octets)]) + octets


def _read_number(octets: bytes, start: int) -> tuple[int, int] | None:
    """Read a number in the fewest octets; return it with the offset behind it."""
    found = _loose_number(octets, start)
    return found if found is not None and _number(found[0]) == octets[start : found[1]] else None


def _loose_number(octets: bytes, start: int) -> tuple[int, int] | None:
    """Read a number in as many octets as it has; return it with the offset behind it."""
    if start >= len(octets):
        return None
    first = octets[start]
    if first < _ONE_OCTET:
        return first, start + 1
    width = 256 - first
    end = start + 1 + width
    if width > _WIDEST or end > len(octets):
        return None
    return int.from_bytes(octets[start + 1 : end], "big"), end


def _unsigned(value: int) -> int:
    return ~value << 1 | 1 if value < 0 else value << 1


def _signed(value: int) -> int:
    return ~(value >> 1) if value & 1 else value >> 1
