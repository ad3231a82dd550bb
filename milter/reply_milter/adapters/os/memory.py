"""Returns the memory of large messages to the host: glibc's malloc keeps it, unless it is configured at the start."""

import ctypes

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_MAPPED_OCTETS = 1 << 17  # larger blocks have mappings of their own; a fixed value no longer grows as blocks are freed
_ARENAS = 2


def give_back() -> None:
    """Configure malloc in this process. Without effect where the C library has no ``mallopt``."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_OCTETS)
        mallopt(_M_ARENA_MAX, _ARENAS)
