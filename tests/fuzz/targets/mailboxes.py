"""However an address field is written, few mailboxes come out, each with one address, and names change none of them.

Input: the value of a From field.
"""

from reply_milter.core.mail.domain import is_host_name, normalise, to_ascii
from reply_text.syntax.mailbox import mailboxes, named
from tests.fuzz.octets import text

WORDS = (
    b"jane@example.org", b"<jane@example.org>", b"Jane Doe ", b"<", b">", b"(", b")", b'"', b"\\", b",", b";", b":",
    b"@", b".", b" ", b"\n\t", b"group:", b"\xff", "\u00fc".encode(), "\u3002".encode(), b"xn--", b"@relay.example:",
    b"+tag", b"\0",
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Read the mailboxes, and bring each address to its normal form."""
    value = text(octets)
    found = named(value)
    addresses = [mailbox.address for mailbox in found]
    assert mailboxes(value) == addresses
    assert len(addresses) <= 1000 and all(addresses)
    assert not any(name != " ".join(name.split()) for name in (mailbox.name for mailbox in found))
    for address in addresses:
        _is_normal(address)


def _is_normal(address: str) -> None:
    """A second time changes nothing; the result is ASCII in lower case, and names no extension."""
    domain = to_ascii(address.rpartition("@")[2])
    if domain is not None:
        assert domain.isascii() and domain == domain.lower()
    normal = normalise(address)
    if normal is None:
        return
    assert normal.isascii() and normal == normal.lower()
    ends_in_a_dot = normal.rpartition("@")[0].endswith(".")  # what is left of jane.+tag, and no address by itself
    assert normalise(normal) == (None if ends_in_a_dot else normal)
    if is_host_name(normal.rpartition("@")[2]):
        assert mailboxes(normal) == [normal] and mailboxes(f"Jane <{normal}>") == [normal]
