"""The capsule: PLAIN as one more id in the References of a notification, which comes back in the reply's.

``w1.B32@DOMAIN``, where B32 is what ``keys.seal_capsule`` made, in base32. Mail programs change the case of ids, and
Python's mailer writes a long one as encoded words (RFC 2047), so both are read. Who reads it opens it with the key and
the GLOB of the address that the reply came to: what stands here proves nothing by itself.
"""

import re
from collections.abc import Collection, Iterable

from reply_milter.core.encoding import base32
from reply_milter.core.mail.domain import in_ascii_lower_case
from reply_text import encoded_words

ID_OCTETS = 250  # of an id without brackets: with them, it fits a line of its own in any mail program's limit
_LOOKED_AT = 32 * 1024  # characters of a field, as in ``reply_text.syntax.message_ids``
_VERSION = "w1."
_FORM = re.compile(r"w1\.[a-z2-7]+@[^@\s<>]+", re.ASCII | re.IGNORECASE)


def write(mint_domain: str, sealed: bytes) -> str:
    """The id, without brackets, that holds ``sealed``. It may be too long to be used: see ``fits``."""
    return f"{_VERSION}{base32.from_octets(sealed)}@{mint_domain}"


def fits(identifier: str) -> bool:
    """Whether an id is short enough to come back from every mail program."""
    return len(identifier) <= ID_OCTETS


def is_capsule(identifier: str) -> bool:
    """Whether an id (without brackets) has the form of a capsule, at whatever domain."""
    return len(identifier) <= _LOOKED_AT and _FORM.fullmatch(identifier) is not None


def find(ids: Iterable[str], accept_domains: Collection[str]) -> list[bytes]:
    """The sealed octets of the capsules among ``ids`` (without brackets), in their order.

    An id at another domain is none of ours, and neither is one that is longer than those that we write.
    """
    return [sealed for identifier in ids if (sealed := _sealed(identifier, accept_domains)) is not None]


def readable(value: str) -> str:
    """A value of In-Reply-To or References with its encoded words decoded, as its capsules are looked for in it.

    Only for capsules: an id that was written as an encoded word is no other id. Of a longer value, the last 32 KiB.
    """
    looked_at = value[-_LOOKED_AT:]
    return encoded_words.decode(looked_at) if "=?" in looked_at else looked_at


def _sealed(identifier: str, accept_domains: Collection[str]) -> bytes | None:
    word = readable(identifier).strip().removeprefix("<").removesuffix(">")
    if not fits(word) or not is_capsule(word):
        return None
    text, _, domain = in_ascii_lower_case(word).partition("@")
    return base32.to_octets(text.removeprefix(_VERSION)) if domain in accept_domains else None
