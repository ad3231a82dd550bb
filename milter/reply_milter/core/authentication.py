"""Authentication-Results (RFC 8601) of the milters before us: whether DMARC or DKIM vouches for the author.

Only fields of the configured authserv-id count, in its plain spelling: those are the ones that the milters before us
write, and that they take off when a client brings them. Of each method only the topmost field is heard, because what
milters add stands above whatever the client sent.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

import authres

from reply_milter.core import domain

_FIELDS = 16  # fields of the authserv-id that are looked at; each costs the parser time
_OCTETS = 4096  # of one field: the parser's time grows with the square
_METHODS = ("dmarc", "dkim")
_DOMAIN_OCTETS = 253

Organisational = Callable[[str], str | None]


def nobody(_domain: str) -> None:
    """An ``Organisational`` that knows no owners: only the very same domain vouches."""


class Authentication(StrEnum):
    """``none``: nobody checked; ``fail``: somebody did, and can't vouch for the author."""

    PASS = "pass"  # noqa: S105 # RFC 8601's word
    FAIL = "fail"
    NONE = "none"


def authentication(
    values: Sequence[str], authserv_id: str, author: str, organisational: Organisational
) -> Authentication:
    """What the fields ``values``, from the top, say about ``author`` (an address): dmarc=pass, or dkim=pass aligned.

    A field of ours that can't be read counts as a result that is no pass. ``organisational``: the domain that the owner
    of a domain registered, or None (RFC 7489 section 3.2).
    """
    results = list(_topmost(values, authserv_id)) if authserv_id else []
    if any(_vouches(result, author, organisational) for result in results):
        return Authentication.PASS
    return Authentication.FAIL if results else Authentication.NONE


def _topmost(values: Sequence[str], authserv_id: str) -> Iterator[authres.AuthenticationResult | None]:
    """The results of each method's topmost field; None for a field that can't be read."""
    ours = re.compile(rf"\s*{re.escape(authserv_id)}(\s+1)?\s*;", re.ASCII | re.IGNORECASE)
    heard: set[str] = set()
    for value in [value for value in values if ours.match(value)][:_FIELDS]:
        results = _results(value)
        if results is None:
            yield None
            continue
        yield from (result for result in results if result.method not in heard)
        heard |= {result.method for result in results}


def _results(value: str) -> list[authres.AuthenticationResult] | None:
    if len(value) > _OCTETS:
        return None
    text = value.encode("ascii", "replace").decode().rstrip("; \t\r\n")  # no octet of a comment matters to us
    try:
        results = authres.AuthenticationResultsHeader.parse_value(text).results
    except (authres.AuthResError, RecursionError):
        return None
    # A `none` that stands beside results is a result without a method.
    return [result for result in results if getattr(result, "method", "") in _METHODS]


def _vouches(result: authres.AuthenticationResult | None, author: str, organisational: Organisational) -> bool:
    if result is None or str(result.result).lower() != "pass":
        return False
    named = {prop.name: prop.value for prop in result.properties if prop.type == "header"}
    if result.method == "dmarc":  # of this author, where it says of whom
        return "from" not in named or _are_of_one_owner(named["from"], author, organisational)
    return _are_of_one_owner(named.get("d") or named.get("i", ""), author, organisational)


def _are_of_one_owner(vouching: str, author: str, organisational: Organisational) -> bool:
    """Whether a domain or address is the author's, or of the same owner (RFC 7489 section 3.1.1, relaxed)."""
    voucher = domain.to_ascii(vouching.rpartition("@")[2]) or ""
    own = domain.to_ascii(author.rpartition("@")[2]) or ""
    if "." not in voucher or max(len(voucher), len(own)) > _DOMAIN_OCTETS:
        return False
    owner = organisational(own)
    return own == voucher or (owner is not None and owner == organisational(voucher))
