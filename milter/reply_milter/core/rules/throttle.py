"""Count guesses at tokens by client network, in a table of fixed size that several processes may share.

A guess allocates nothing, so a flood can't grow the table. Two networks rarely share a slot; then the count of one is
lost early. A lost update between processes costs one count. Throttling affects forged addresses only.
"""

import hashlib
import ipaddress
import struct

_SLOT = struct.Struct("<8sII")  # network tag, minute, count
_PROBES = 4
SLOTS = 16384
TABLE_OCTETS = SLOTS * _SLOT.size


def network(client: str) -> str:
    """Return the IPv4 /24 or IPv6 /64 of a client address; the text itself if it is not an IP address."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    prefix = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))


class GuessTable:
    """``table``: TABLE_OCTETS zero octets, shared or not. ``secret``: so that clients cannot choose their slot."""

    def __init__(self, table: bytearray | memoryview, secret: bytes) -> None:
        self._table = table
        self._secret = secret

    def count(self, client: str, now: int) -> int:
        """Count one guess from ``client``'s network at ``now`` (Unix seconds); return its guesses of this minute."""
        tag, minute, slots = self._slots(client, now)
        for offset, found, at, count in slots:
            if found == tag and at == minute:
                _SLOT.pack_into(self._table, offset, tag, minute, count + 1)
                return count + 1
        stale = min(slots, key=lambda slot: (slot[2] == minute, slot[3]))
        _SLOT.pack_into(self._table, stale[0], tag, minute, 1)
        return 1

    def counted(self, client: str, now: int) -> int:
        """Return how many guesses of this minute ``count`` has counted, and count none."""
        tag, minute, slots = self._slots(client, now)
        return next((count for _, found, at, count in slots if found == tag and at == minute), 0)

    def _slots(self, client: str, now: int) -> tuple[bytes, int, list[tuple[int, bytes, int, int]]]:
        """The tag of a network, the minute, and the slots where it may stand: offset, tag, minute, count of each."""
        digest = hashlib.blake2b(network(client).encode(), key=self._secret, digest_size=16).digest()
        first = int.from_bytes(digest[8:])
        offsets = [(first + probe) % SLOTS * _SLOT.size for probe in range(_PROBES)]
        slots = [(offset, *_SLOT.unpack_from(self._table, offset)) for offset in offsets]
        return digest[:8], now // 60 & 0xFFFFFFFF, slots
