"""Authentication-Results (RFC 8601) of the milters before us: whether a DKIM signature vouches for the author.

Only fields of the configured authserv-id count, in its plain spelling: the milters before us write them, and remove
those that a client sends. Of DKIM only the topmost field counts, because milters add fields above what the client sent.

Their text is no proof by itself, because they copy words of strangers into it: from signatures, from the envelope and
from From. A dkim=pass counts only if a signature
of the message bears its header.d and header.b, and each signature accounts for one result. A dmarc=pass counts only
beside one of those for the author's domain, and so adds nothing to it; a DMARC that rests on SPF alone is no pass.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum

from reply_milter.core.mail import domain
from reply_milter.core.rules.authentication_results import DKIM, Result, results
from reply_milter.core.rules.dkim_signature import Signature, signatures

_FIELDS = 16  # fields of the authserv-id that are looked at; each costs the parser time
_METHODS = ("dmarc", DKIM)
_DOMAIN_OCTETS = 253
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9._-]+", re.ASCII)
_SENDER = re.compile(rf"\s*<({_ADDRESS.pattern})?>\s*", re.ASCII)

Organisational = Callable[[str], str | None]


def no_owner(_domain: str) -> None:
    """An ``Organisational`` that knows no owners: only the very same domain vouches."""


class Authentication(StrEnum):
    """``none``: no milter checked; ``fail``: one did, and does not vouch for the author."""

    PASS = "pass"  # noqa: S105 # RFC 8601's word
    FAIL = "fail"
    NONE = "none"


def are_plain(sender: str, written: Sequence[str], author: str) -> bool:
    """Whether nothing that verifiers copy from the envelope and From could begin or end a result.

    ``sender``: the argument of MAIL FROM, empty if it is unknown; ``written``: the values of all From fields, which
    verifiers read in ways of their own; ``author``: the address that we read there.
    """
    if len(sender) > domain.ADDRESS_OCTETS or len(author) > domain.ADDRESS_OCTETS:
        return False
    if not _SENDER.fullmatch(sender) or not _ADDRESS.fullmatch(author):
        return False
    return len(written) == 1 and ";" not in written[0]


def authentication(
    values: Sequence[str],
    signed: Sequence[str],
    authserv_id: str,
    author: str,
    organisational: Organisational,
    envelope_is_plain: bool = False,
) -> Authentication:
    """What the fields ``values``, from the top, say about ``author`` (an address), and the signatures bear out.

    ``signed``: the values of all DKIM-Signature fields. What can't be read of a field of ours counts as a result that
    is no pass. ``organisational``: the domain that the owner of a domain registered, or None (RFC 7489 section 3.2).
    ``envelope_is_plain``: what ``are_plain`` says of the message.
    """
    fields = _ours(values, authserv_id, envelope_is_plain) if authserv_id else []
    if any(_are_of_one_owner(result.domain, author, organisational) for result in _borne_out(fields, signed)):
        return Authentication.PASS
    checked = any(result.method in _METHODS or not result.readable for field in fields for result in field)
    return Authentication.FAIL if checked else Authentication.NONE


def _ours(values: Sequence[str], authserv_id: str, envelope_is_plain: bool) -> list[list[Result]]:
    """The results of each field of ours, from the top."""
    ours = re.compile(rf"\s*{re.escape(authserv_id)}(\s+1)?\s*;", re.ASCII | re.IGNORECASE)
    return [results(value, envelope_is_plain) for value in [value for value in values if ours.match(value)][:_FIELDS]]


def _borne_out(fields: Sequence[Sequence[Result]], signed: Sequence[str]) -> list[Result]:
    """Each dkim=pass of the topmost field about DKIM that a signature of the message accounts for, and for it alone.

    None at all if there are more results than signatures: then not all were written by who verified.
    """
    reported = [result for field in fields for result in field if result.method == DKIM]
    found = signatures(signed)
    if found is None or len(reported) > len(signed):
        return []
    topmost = next((field for field in fields if any(result.method == DKIM for result in field)), ())
    return [result for result in topmost if result.passed and _accounts(result, reported, found)]


def _accounts(result: Result, reported: Sequence[Result], found: Sequence[Signature]) -> bool:
    """Whether as many signatures bear a result's domain and octets as there are results that name them."""
    bearing = [signature for signature in found if signature.is_named_by(result.domain, result.octets)]
    naming = [one for one in reported if any(signature.is_named_by(one.domain, one.octets) for signature in bearing)]
    return 0 < len(naming) <= len(bearing)


def _are_of_one_owner(vouching: str, author: str, organisational: Organisational) -> bool:
    """Whether a domain is the author's, or of the same owner (RFC 7489 section 3.1.1, relaxed)."""
    voucher = domain.to_ascii(vouching) or ""
    own = domain.to_ascii(author.rpartition("@")[2]) or ""
    if "." not in voucher or max(len(voucher), len(own)) > _DOMAIN_OCTETS:
        return False
    owner = organisational(own)
    return own == voucher or (owner is not None and owner == organisational(voucher))
