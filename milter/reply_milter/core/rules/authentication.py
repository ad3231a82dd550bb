"""Authentication-Results (RFC 8601) of the milters before us: whether a DKIM signature vouches for the author.

Only fields of the configured authserv-id count, in its plain spelling: the milters before us write them, and remove
those that a client sends. Of DKIM only the topmost field counts, because milters add fields above what the client sent.

Their text alone is no proof, because they copy a stranger's words into it: from signatures, the envelope and From. A
dkim=pass counts only if a signature of the message has the same d= and b= as its header.d and header.b, and each
signature accounts for one result. A dmarc=pass alone never counts: it may rest on SPF.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from reply_milter.core.mail import domain
from reply_milter.core.rules.authentication_results import DKIM, Result, results
from reply_milter.core.rules.dkim_signature import Signature, signatures

_FIELDS: Final = 16  # fields of the authserv-id that are parsed; each costs time
_METHODS: Final = ("dmarc", DKIM)
_DOMAIN_OCTETS: Final = 253
_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9._-]+", re.ASCII)
_SENDER: Final = re.compile(rf"\s*<({_ADDRESS.pattern})?>\s*", re.ASCII)

Organisational = Callable[[str], str | None]


def no_owner(_domain: str) -> None:
    """Return no owner, as an ``Organisational``: then only the author's own domain vouches."""


class Authentication(StrEnum):
    """``none``: no milter checked the author; ``fail``: one did, and none of its results vouches for the author."""

    PASS = "pass"  # noqa: S105 # RFC 8601's word
    FAIL = "fail"
    NONE = "none"


def are_plain(sender: str, written: Sequence[str], author: str) -> bool:
    """Return whether no text that verifiers copy from the envelope and From could begin or end a result.

    ``sender``: the argument of MAIL FROM, empty if it is unknown; ``written``: the values of all From fields, which
    verifiers may read differently; ``author``: the address that we read there.
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
    """Return what the fields ``values``, from the top, report about the address ``author`` and signatures confirm.

    ``signed``: the values of all DKIM-Signature fields. An unreadable part of a field of ours counts as a result
    other than pass. ``organisational``: returns the domain that a domain's owner registered, or None (RFC 7489 section
    3.2). ``envelope_is_plain``: the answer of ``are_plain`` for the message.
    """
    fields = _ours(values, authserv_id, envelope_is_plain) if authserv_id else []
    if any(_are_of_one_owner(result.domain, author, organisational) for result in _borne_out(fields, signed)):
        return Authentication.PASS
    checked = any(result.method in _METHODS or not result.readable for field in fields for result in field)
    return Authentication.FAIL if checked else Authentication.NONE


def _ours(values: Sequence[str], authserv_id: str, envelope_is_plain: bool) -> list[list[Result]]:
    """Return the results of each field of ours, from the top."""
    ours = re.compile(rf"\s*{re.escape(authserv_id)}(\s+1)?\s*;", re.ASCII | re.IGNORECASE)
    return [results(value, envelope_is_plain) for value in [value for value in values if ours.match(value)][:_FIELDS]]


def _borne_out(fields: Sequence[Sequence[Result]], signed: Sequence[str]) -> list[Result]:
    """Return each dkim=pass of the topmost field about DKIM that has a signature of the message to itself.

    Returns none if there are more results than signatures: then the verifier did not write all of them.
    """
    reported = [result for field in fields for result in field if result.method == DKIM]
    found = signatures(signed)
    if found is None or len(reported) > len(signed):
        return []
    topmost = next((field for field in fields if any(result.method == DKIM for result in field)), ())
    return [result for result in topmost if result.passed and _accounts(result, reported, found)]


def _accounts(result: Result, reported: Sequence[Result], found: Sequence[Signature]) -> bool:
    """Return whether as many signatures have a result's domain and octets as results name them."""
    bearing = [signature for signature in found if signature.is_named_by(result.domain, result.octets)]
    naming = [one for one in reported if any(signature.is_named_by(one.domain, one.octets) for signature in bearing)]
    return 0 < len(naming) <= len(bearing)


def _are_of_one_owner(vouching: str, author: str, organisational: Organisational) -> bool:
    """Return whether a domain is the author's, or has the same owner (RFC 7489 section 3.1.1, relaxed)."""
    voucher = domain.to_ascii(vouching) or ""
    own = domain.to_ascii(author.rpartition("@")[2]) or ""
    if "." not in voucher or max(len(voucher), len(own)) > _DOMAIN_OCTETS:
        return False
    owner = organisational(own)
    return own == voucher or (owner is not None and owner == organisational(voucher))
