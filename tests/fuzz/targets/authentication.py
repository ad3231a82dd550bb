"""Only a dkim=pass in a field of our own authserv-id vouches for an author, and only if a signature bears it out.

Input: values of Authentication-Results from the top, separated by NUL; those that begin with ``DKIM-Signature:`` are
such fields.
"""

import re

from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.core.rules.authentication import Authentication, authentication
from tests.fuzz.octets import text
from tests.support.fakes import AUTHOR

MX = "mx.example.com"
OWNERS = organisational_domains()
WORDS = (
    b"mx.example.com", b"mx.example.com;", b"mx.example.com 1;", b"other.example;", b"dmarc=pass", b"dkim=pass",
    b"dkim=fail", b"header.d=example.org", b"header.d=org", b"header.i=@example.org", b"header.from=example.org",
    b"none", b";", b"\0", b"(", b")", b'"', b"\\", b"\n\t", b"=", b"reason=", b"\xff", b"spf=pass", b" ", b"/",
    b"policy.x=", b"header.b=AAAABBBB", b"(null)", b"=3B", b"=20", b"i=", b"s=", b"d=example.org;", b"b=AAAABBBBCC;",
    b"DKIM-Signature:v=1;a=rsa-sha256;h=from;bh=x;s=s1;d=example.org;b=AAAABBBBCCCC;", b"DKIM-Signature:",
)  # fmt: skip
FIELD = "DKIM-Signature:"


def one_input(octets: bytes) -> None:
    """Hear the fields, with and without those of strangers."""
    split = text(octets).split("\0")
    values = [value for value in split if not value.startswith(FIELD)]
    signed = [value.removeprefix(FIELD) for value in split if value.startswith(FIELD)]
    found = authentication(values, signed, MX, AUTHOR, OWNERS)
    ours = [value for value in values if re.match(r"\s*mx\.example\.com\b", value, re.IGNORECASE)]
    assert authentication(values, signed, "", AUTHOR, OWNERS) is Authentication.NONE
    assert authentication(ours, signed, MX, AUTHOR, OWNERS) is found, "a stranger's field counts"
    assert authentication(["other.example; dmarc=pass", *values], signed, MX, AUTHOR, OWNERS) is found
    assert authentication(values, [], MX, AUTHOR, OWNERS) is not Authentication.PASS, "no signature bears it out"
    plain = authentication(values, signed, MX, AUTHOR, OWNERS, envelope_is_plain=True)
    assert plain is found or (found, plain) == (Authentication.FAIL, Authentication.PASS)
    assert authentication(values, [], MX, AUTHOR, OWNERS, envelope_is_plain=True) is not Authentication.PASS
    if found is Authentication.PASS:
        told = "".join(ours).lower()
        assert "dkim" in told and "pass" in told and "example.org" in told
        assert any("example.org" in re.sub(r"\s", "", value).lower() for value in signed)
        elsewhere = authentication(values, signed, "elsewhere.example", AUTHOR, OWNERS)
        assert elsewhere is not found or "elsewhere.example" in "".join(values)
    failed = authentication([f"{MX}; dmarc=fail; dkim=fail", *values], signed, MX, AUTHOR, OWNERS)
    assert failed is Authentication.FAIL, "a field below the topmost one is heard"
