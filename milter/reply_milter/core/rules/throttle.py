"""Count guesses at tokens by client network, in a table of fixed size that several processes may share.

Nothing is allocated for a guess, so a flood can't grow it. Two networks rarely meet in a slot; then one of them is
forgotten early. A lost update between processes costs one count. It only ever affects forged addresses.
"""

import hashlib
import ipaddress
import struct

_SLOT = struct.Struct("<8sII")  # network tag, minute, count
_PROBES = 4
SLOTS = 16384
TABLE_OCTETS = SLOTS * _SLOT.size


def network(client: str) -> str:
    """The IPv4 /24 or IPv6 /64 of a client address; the text itself where it is no IP address."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    prefix = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))


class GuessTable:
    """``table``: TABLE_OCTETS zero octets, shared or not. ``secret`` keeps clients from choosing their slot."""

    def __init__(self, table: bytearray | memoryview, secret: bytes) -> None:
        self._table = table
        self._secret = secret

    def count(self, client: str, now: int) -> int:
        """Count one guess from ``client``'s network at ``now`` (Unix seconds); how many it made this minute."""
        digest = hashlib.blake2b(network(client).encode(), key=self._secret, digest_size=16).digest()
        tag, minute = digest[:8], now // 60 & 0xFFFFFFFF
        first = int.from_bytes(digest[8:])
        offsets = [(first + probe) % SLOTS * _SLOT.size for probe in range(_PROBES)]
        slots = [(offset, *_SLOT.unpack_from(self._table, offset)) for offset in offsets]
        for offset, found, at, count in slots:
            if found == tag and at == minute:
                _SLOT.pack_into(self._table, offset, tag, minute, count + 1)
                return int(count) + 1
        stale = min(slots, key=lambda slot: (slot[2] == minute, slot[3]))
        _SLOT.pack_into(self._table, stale[0], tag, minute, 1)
        return 1
