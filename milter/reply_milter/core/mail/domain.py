"""Normalise mail domains and addresses, so that two spellings of a sender compare equal."""

import re
from string import ascii_uppercase
from typing import Final

import idna

ADDRESS_OCTETS: Final = 320  # RFC 5321 section 4.5.3.1: a local part, an @ and a domain
DOMAIN_OCTETS: Final = 253  # RFC 1035 section 2.3.4, as text without the root's dot
_LABEL_CHARACTERS: Final = 59  # of a U-label: 63 octets (RFC 1034 section 3.1) less `xn--`, and each takes one at least

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)
_VISIBLE: Final = re.compile(r"[!-?A-~]+", re.ASCII)  # all of visible ASCII but @
_ASCII_LOWER: Final = {ord(letter): letter.lower() for letter in ascii_uppercase}


def in_ascii_lower_case(text: str) -> str:
    """Return ``text`` with A to Z in lower case and the rest unchanged: ``lower()`` would also turn U+212A into k."""
    return text.translate(_ASCII_LOWER)


def to_ascii(domain: str) -> str | None:
    """Return ``domain`` as lower-case A-labels without a trailing dot (UTS 46, non-transitional); None if it has none.

    ASCII domains are only lower-cased: mail domains with an underscore or a leading digit exist. One trailing dot means
    the root; two leave an empty label, which is no domain. Neither is a text above 253 octets, as written or as
    A-labels: computing an A-label takes time with the square of its length.
    """
    if not _fits(domain.removesuffix("."), DOMAIN_OCTETS):
        return None
    name = domain
    if not name.isascii():
        try:
            name = idna.uts46_remap(name, std3_rules=False, transitional=False)
        except idna.IDNAError:
            return None
        labels = name.split(".")
        if any(len(label) > _LABEL_CHARACTERS and not label.isascii() for label in labels):
            return None
        name = ".".join(map(_a_label, labels))
    name = name.lower().removesuffix(".")  # after the mapping, which turns other full stops into dots
    sound = len(name) <= DOMAIN_OCTETS and _VISIBLE.fullmatch(name) and not name.endswith(".")
    return name if sound else None


def is_dot_string(local: str) -> bool:
    """Whether a local part is a Dot-string (RFC 5321 section 4.1.2), without quotes; ASCII alone."""
    return len(local) <= ADDRESS_OCTETS and _LOCAL.fullmatch(local) is not None


def is_host_name(ascii_domain: str) -> bool:
    """Return whether a lower-case ASCII domain consists of letters, digits and hyphens (RFC 1123 section 2.1)."""
    return len(ascii_domain) <= DOMAIN_OCTETS and _HOST.fullmatch(ascii_domain) is not None


def _fits(text: str, most: int) -> bool:
    """Return whether ``text`` has at most so many octets, without reading a long text."""
    return len(text) <= most and (text.isascii() or len(text.encode("utf-8", "surrogatepass")) <= most)


def _a_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def normalise(address: str) -> str | None:
    """Return the form of ``address`` that sender tags are computed over; None if it must stay unbound.

    Split at the last ``@``; the first ``+`` that is not at the start is dropped with what follows; ASCII is
    lower-cased; the domain becomes A-labels. Quoted and non-ASCII local parts, address literals, and texts above
    320 octets stay unbound.
    """
    if not _fits(address, ADDRESS_OCTETS):
        return None
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or domain.startswith("["):
        return None
    plus = local.find("+", 1)
    ascii_domain = to_ascii(domain)
    if ascii_domain is None:
        return None
    return f"{local[:plus] if plus > 0 else local}@{ascii_domain}".lower()
