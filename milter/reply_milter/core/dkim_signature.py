"""DKIM-Signature fields of a message (RFC 6376 section 3.5), as far as a verifier's results are compared with them.

A verifier copies tags of a signature into its Authentication-Results: OpenDKIM the decoded ``i=`` and the raw ``s=``
and ``b=``, whatever is in them. Who writes ``i=x=3B=20dkim=3Dpass=20...`` writes results of his own. So tags that are
copied must be plain: then nothing that a stranger wrote can begin a result, a comment or a quoted string there.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_FIELDS = 16  # more signatures than mail bears; each costs time
_OCTETS = 16 * 1024  # of one field, copied header fields (z=) included
_WHITE = re.compile(r"[ \t\r\n\v\f]+", re.ASCII)
_REQUIRED = {"v", "a", "b", "bh", "d", "h", "s"}
_NAME = r"[A-Za-z0-9._-]+"
# What verifiers copy, and how it looks in ordinary mail. No "=" in i=: that is its quoted-printable.
_COPIED = {
    "d": re.compile(_NAME, re.ASCII),
    "s": re.compile(_NAME, re.ASCII),
    "a": re.compile(r"[A-Za-z0-9-]+", re.ASCII),
    "i": re.compile(rf"[A-Za-z0-9!#$%&'*+/?^_`{{|}}~.-]*@{_NAME}", re.ASCII),
    "b": re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII),
}
_SHORTEST = 8  # octets of b= that tell signatures apart (RFC 6008 section 4)


class Signature(NamedTuple):
    """``domain``: d= in lower case; ``octets``: b= without white space."""

    domain: str
    octets: str

    def is_told_of(self, domain: str, octets: str) -> bool:
        """Whether a result with header.d and header.b means this one: by 8 octets, or all of a short b= (RFC 6008)."""
        enough = min(_SHORTEST, len(self.octets))
        return self.domain == domain.lower() and len(octets) >= enough and self.octets.startswith(octets)


def signatures(values: Sequence[str]) -> list[Signature] | None:
    """The signatures in the fields ``values``; None if a verifier's words about one of them can't be trusted.

    That is so if a tag that is copied is not plain, if a tag stands twice, and if there are more or longer fields than
    ordinary mail has. A field without a required tag is no signature.
    """
    if len(values) > _FIELDS or any(len(value) > _OCTETS for value in values):
        return None
    read = [_tags(value) for value in values]
    if not all(_is_plain(tags) for tags in read):
        return None
    found = [dict(tags) for tags in read]
    return [Signature(tags["d"].lower(), tags["b"]) for tags in found if tags.keys() >= _REQUIRED]


def _tags(value: str) -> list[tuple[str, str]]:
    """Names in lower case and values, in order, without white space: nearly all of it may be folded."""
    return list(_pairs(_WHITE.sub("", value)))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for tag in text.split(";"):
        name, equals, value = tag.partition("=")
        if equals:
            yield name.lower(), value


def _is_plain(tags: Sequence[tuple[str, str]]) -> bool:
    names = {name for name, _ in tags}
    return len(names) == len(tags) and all(
        _COPIED[name].fullmatch(value) is not None for name, value in tags if name in _COPIED
    )
