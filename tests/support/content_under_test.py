"""Shared by tests of reading replies: an installation's addresses, a token, and messages made of parts."""

from reply_milter.core.token.address import AddressForm

FORM = AddressForm("reply", "+", "reply.example.com", frozenset({"reply.example.com", "xn--bcher-kva.example"}))
DASHED = AddressForm("reply", "-", "reply.example.com", frozenset({"reply.example.com"}))
BARE = AddressForm("", "+", "reply.example.com", frozenset({"reply.example.com"}))

GLOB = "000000002a" + "bcdefghijklmnopqrstuvw" + "xyz234567abcdefghijklmnopq"
ADDRESS = f"reply+{GLOB}@reply.example.com"


def message(body: bytes | str, *fields: str) -> bytes:
    """A message with a From, more fields, and a body; lines end as on the wire."""
    octets = body.encode() if isinstance(body, str) else body
    head = "\n".join(["From: Jane Doe <jane@example.org>", *fields, "", ""])
    return (head.encode() + octets).replace(b"\n", b"\r\n")


def multipart(subtype: str, *parts: str, boundary: str = "b1") -> str:
    """The fields and body of a multipart; each part is its fields, an empty line and its body."""
    inner = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{subtype}; boundary="{boundary}"\n\n{inner}--{boundary}--\n'


def whole(parts: str) -> bytes:
    """A message whose fields and body are those of a multipart."""
    return f"From: Jane Doe <jane@example.org>\n{parts}".replace("\n", "\r\n").encode()
