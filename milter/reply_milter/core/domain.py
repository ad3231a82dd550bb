"""Mail domains and addresses in one normal form, so that two spellings of a sender compare equal."""

import re

import idna

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)
_VISIBLE = re.compile(r"[!-?A-~]+", re.ASCII)  # all of visible ASCII but @


def to_ascii(domain: str) -> str | None:
    """``domain`` as lower-case A-labels without a trailing dot (UTS 46, non-transitional), or None if it can't be.

    ASCII domains are only lower-cased: mail domains with an underscore or a leading digit exist. One trailing dot means
    the root; behind two there is an empty label, and nothing to compare with.
    """
    name = domain
    if not name.isascii():
        try:
            name = idna.uts46_remap(name, std3_rules=False, transitional=False)
        except idna.IDNAError:
            return None
        name = ".".join(_a_label(label) for label in name.split("."))
    name = name.lower().removesuffix(".")  # after the mapping, which makes dots of other full stops
    return name if _VISIBLE.fullmatch(name) and not name.endswith(".") else None


def is_host_name(ascii_domain: str) -> bool:
    """Whether a lower-case ASCII domain is made of letters, digits and hyphens (RFC 1123 section 2.1)."""
    return len(ascii_domain) <= 253 and _HOST.fullmatch(ascii_domain) is not None


def _a_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def normalise(address: str) -> str | None:
    """The form of ``address`` that sender tags are computed over; None if it must stay unbound.

    Split at the last ``@``; the first ``+`` that is not at the start is dropped with what follows; ASCII is
    lower-cased; the domain becomes A-labels. Quoted and non-ASCII local parts and address literals stay unbound.
    """
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or domain.startswith("["):
        return None
    plus = local.find("+", 1)
    ascii_domain = to_ascii(domain)
    if ascii_domain is None:
        return None
    return f"{local[:plus] if plus > 0 else local}@{ascii_domain}".lower()
