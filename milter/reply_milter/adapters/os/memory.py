"""Memory that large messages took, given back to the host: glibc's malloc keeps it, unless it is told beforehand."""

import ctypes

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_MAPPED_OCTETS = 1 << 17  # and larger blocks have mappings of their own; fixed, it no longer grows with what is freed
_ARENAS = 2


def give_back() -> None:
    """From now on, in this process. Where the C library has no such choice, it stays as it is."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_OCTETS)
        mallopt(_M_ARENA_MAX, _ARENAS)
