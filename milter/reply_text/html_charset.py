"""Find the charset that a page of HTML declares itself, where mail's own header declares none or a wrong one."""

import re

_HEAD = 4096  # octets in which it must stand; browsers look at 1024, but Word writes long heads
_META = re.compile(rb"<meta\s[^>]{0,500}?charset\s{0,9}=[\s\"']{0,9}([A-Za-z0-9_.:-]{1,64})", re.IGNORECASE)


def declared(page: bytes) -> str:
    """Return the charset of ``<meta charset>`` or ``<meta http-equiv>``; empty if there is none."""
    found = _META.search(page[:_HEAD])
    return found[1].decode("ascii") if found else ""
