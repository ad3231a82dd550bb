"""Only a field of our own authserv-id vouches for an author, by dmarc=pass or a dkim=pass of the author's domain.

Input: values of Authentication-Results from the top, separated by NUL.
"""

import re

from fakes import AUTHOR
from fuzz.octets import text
from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.core.authentication import Authentication, authentication

MX = "mx.example.com"
OWNERS = organisational_domains()
WORDS = (
    b"mx.example.com", b"mx.example.com;", b"mx.example.com 1;", b"other.example;", b"dmarc=pass", b"dkim=pass",
    b"dkim=fail", b"header.d=example.org", b"header.d=org", b"header.i=@example.org", b"header.from=example.org",
    b"none", b";", b"\0", b"(", b")", b'"', b"\\", b"\n\t", b"=", b"reason=", b"\xff", b"spf=pass", b" ", b"/",
    b"policy.x=",
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Hear the fields, with and without those of strangers."""
    values = text(octets).split("\0")
    found = authentication(values, MX, AUTHOR, OWNERS)
    ours = [value for value in values if re.match(r"\s*mx\.example\.com\b", value, re.IGNORECASE)]
    assert authentication(values, "", AUTHOR, OWNERS) is Authentication.NONE
    assert authentication(ours, MX, AUTHOR, OWNERS) is found, "a stranger's field counts"
    assert authentication(["other.example; dmarc=pass", *values], MX, AUTHOR, OWNERS) is found
    if found is Authentication.PASS:
        told = "".join(ours).lower()
        assert re.search(r"(dmarc|dkim)\W", told) and "pass" in told
        assert "dmarc" in told or "example.org" in told
        elsewhere = authentication(values, "elsewhere.example", AUTHOR, OWNERS)
        assert elsewhere is not found or "elsewhere.example" in "".join(values)
    failed = authentication([f"{MX}; dmarc=fail; dkim=fail", *values], MX, AUTHOR, OWNERS)
    assert failed is Authentication.FAIL, "a field below the topmost one is heard"
