"""RFC 4648 base32 in lower case and without padding, on whole characters of five bits.

Numbers and digests are cut at character boundaries, so that no text has spare bits: each value has exactly
one spelling.
"""

import base64

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # by ten bits: half the steps of five


def from_int(number: int, length: int) -> str:
    """Write ``number`` as ``length`` characters, most significant first. 0 <= number < 32**length."""
    if not 0 <= number < 1 << (5 * length):
        raise ValueError(f"{number} does not fit {length} base32 characters")
    text = "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * length - 10, -1, -10)])
    return text if length % 2 == 0 else text + ALPHABET[number & 31]


def to_int(text: str) -> int:
    """Read lower-case base32 as one number.

    Raises:
        KeyError: a character is outside the lower-case alphabet.
    """
    number = 0
    for character in text:
        number = number << 5 | _VALUE[character]
    return number


def leftmost(digest: bytes, length: int) -> str:
    """The most significant ``5 * length`` bits of ``digest`` as ``length`` characters."""
    return from_int(int.from_bytes(digest) >> (8 * len(digest) - 5 * length), length)


def from_octets(octets: bytes) -> str:
    """Write ``octets``; the last character is filled up with zero bits."""
    return base64.b32encode(octets).decode("ascii").rstrip("=").lower()


def to_octets_filled(text: str) -> bytes:
    """Pack ``text`` into five bits per character; the last octet is filled up with zero bits.

    Raises:
        KeyError: a character is outside the lower-case alphabet.
    """
    spare = -5 * len(text) % 8
    return (to_int(text) << spare).to_bytes((5 * len(text) + spare) // 8)


def to_octets(text: str) -> bytes | None:
    """Read what ``from_octets`` wrote; None for everything else, a second spelling of the same octets included."""
    size, spare = divmod(5 * len(text), 8)
    try:
        number = to_int(text)
    except KeyError:
        return None
    if spare >= 5 or number & ((1 << spare) - 1):
        return None
    return (number >> spare).to_bytes(size)
