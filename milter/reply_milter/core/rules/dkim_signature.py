"""DKIM-Signature fields of a message (RFC 6376 section 3.5), to compare a verifier's results with them.

A verifier copies tags of a signature into its Authentication-Results: OpenDKIM the decoded ``i=`` and the raw ``s=``
and ``b=``, unchecked. So a sender who writes ``i=x=3B=20dkim=3Dpass=20...`` adds a result. Therefore copied tags must
be plain: then no stranger's text can begin a result, a comment or a quoted string there.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

_FIELDS: Final = 16  # more signatures than mail has; each costs time
_OCTETS: Final = 16 * 1024  # of one field, copied header fields (z=) included
_WHITE: Final = re.compile(r"[ \t\r\n\v\f]+", re.ASCII)
_TAG: Final = re.compile(r"[ \t\r\n\v\f]*[A-Za-z][A-Za-z0-9_]*[ \t\r\n\v\f]*=[ \t\r\n\v\f!-~]*", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_REQUIRED: Final = {"v", "a", "b", "bh", "d", "h", "s"}
_NAME: Final = r"[A-Za-z0-9._-]+"
# Tags that verifiers copy, and their form in ordinary mail. No "=" in i=: it begins quoted-printable octets.
_COPIED: Final = {
    "d": re.compile(_NAME, re.ASCII),
    "s": re.compile(_NAME, re.ASCII),
    "a": re.compile(r"[A-Za-z0-9-]+", re.ASCII),
    "i": re.compile(rf"[A-Za-z0-9!#$%&'*+/?^_`{{|}}~.-]*@{_NAME}", re.ASCII),
    "b": re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII),
}
_SHORTEST: Final = 8  # octets of b= that distinguish signatures (RFC 6008 section 4)


class Signature(NamedTuple):
    """``domain``: d= in lower case; ``octets``: b= without white space."""

    domain: str
    octets: str

    def is_named_by(self, domain: str, octets: str) -> bool:
        """Return whether a result's header.d and header.b name this one: 8 octets, or all of a short b= (RFC 6008)."""
        enough = min(_SHORTEST, len(self.octets))
        return self.domain == domain.lower() and len(octets) >= enough and self.octets.startswith(octets)


def signatures(values: Sequence[str]) -> list[Signature] | None:
    """Return the signatures in the fields ``values``; None if a verifier's results about them can't be trusted.

    They can't if a copied tag is not plain, if a tag occurs twice, or if there are too many or too long fields.
    A field that is not a tag-list, or lacks a required tag, is not a signature.
    """
    if len(values) > _FIELDS or any(len(value) > _OCTETS for value in values):
        return None
    if not all(_is_plain(_tags(value)) for value in values):
        return None
    whole = [_tags(value) for value in values if _is_whole(value)]
    found = [dict(tags) for tags in whole]
    return [Signature(tags["d"].lower(), tags["b"]) for tags in found if tags.keys() >= _REQUIRED and _is_dated(tags)]


def _tags(value: str) -> list[tuple[str, str]]:
    """Return names and values, in order, without white space: nearly all values may be folded."""
    pairs = (tag.partition("=") for tag in _WHITE.sub("", value).split(";"))
    return [(name, text) for name, equals, text in pairs if equals]


def _is_whole(value: str) -> bool:
    """Return whether it is a tag-list (RFC 6376 section 3.2); verifiers report nothing about other texts."""
    *tags, last = value.split(";")
    return all(_TAG.fullmatch(tag) for tag in (tags if _WHITE.fullmatch(last) or not last else (*tags, last)))


def _is_dated(tags: Mapping[str, str]) -> bool:
    """Return whether the times of signature and expiry, if any, can be read (RFC 6376 section 3.5)."""
    return all(_SECONDS.fullmatch(tags.get(name, "0")) for name in ("t", "x"))


def _is_plain(tags: Sequence[tuple[str, str]]) -> bool:
    """Return whether each tag occurs once, compared without case, and copied tags are plain."""
    named = [(name.lower(), value) for name, value in tags]
    return len(dict(named)) == len(named) and all(
        _COPIED[name].fullmatch(value) is not None for name, value in named if name in _COPIED
    )
