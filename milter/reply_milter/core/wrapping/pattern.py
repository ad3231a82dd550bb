"""Patterns of an application's addresses: literals, character classes and counts, no more."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

ADDRESS_OCTETS = 320  # of an address; a longer one matches nothing


class Matched(NamedTuple):
    """``key``: what gives access, as it was spelled; empty where the pattern has none."""

    key: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """``source``: as the operator wrote it. ``domain``: in lower case, and compared so. The local part has case."""

    source: str
    local: "re.Pattern[str]" = field(repr=False)
    domain: str
    has_key: bool

    def match(self, address: str) -> Matched | None:
        """Match a bare address as a whole; None if it doesn't."""
        local, at, domain = address.rpartition("@")
        if not at or len(address) > ADDRESS_OCTETS or domain.lower() != self.domain:
            return None
        found = self.local.fullmatch(local)
        return Matched(found["key"] if self.has_key else "") if found else None
