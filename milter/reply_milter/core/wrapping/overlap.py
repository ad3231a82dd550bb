"""Conflicts: addresses that two settings claim, so that nobody could say what mail to them is.

Decided by the automata of the patterns, for all addresses that there are. Each conflict comes with one such address.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reply_milter.core.token.address import AddressForm
from reply_milter.core.wrapping.automaton import Chain, Run, literal
from reply_milter.core.wrapping.pattern import ANYTHING, Pattern, common_address
from reply_milter.core.wrapping.wrap import Wrap


class _Claim(NamedTuple):
    """What one key of the file claims: local parts at a domain. ``source``: as the file has it."""

    key: str
    source: str
    domain: str
    chains: tuple[Chain, ...]


def conflicts(wraps: Sequence[tuple[str, Wrap]], form: AddressForm) -> list[str]:
    """Return a line ``key: reason`` for each two settings that one and the same address can match.

    ``wraps``: each with the path of its table. ``form``: of our own addresses.
    """
    lines: list[str] = []
    ours = [_Claim("address.accept_domains", "", domain, _our_chains(form)) for domain in sorted(form.own_domains)]
    for number, (path, wrap) in enumerate(wraps):
        claims = _claims(path, wrap)
        lines += _within(path, wrap)
        lines += _between(claims, ours)
        for other_path, other in wraps[:number]:
            lines += _between(claims, _claims(other_path, other))
    return lines


def _our_chains(form: AddressForm) -> tuple[Chain, ...]:
    """What ``AddressForm.owns_local`` says."""
    if not form.mailbox:
        return ((ANYTHING,),)
    prefix = literal(form.prefix)
    if form.delimiter == "-":
        return ((*prefix, Run(ANYTHING.chars, form.token_length, form.token_length)),)
    return literal(form.mailbox), (*prefix, ANYTHING)


def _claims(path: str, wrap: Wrap) -> list[_Claim]:
    """All that a wrap claims, the names of the application's mailbox among it."""
    own = wrap.address
    return [
        _Claim(f"{path}.address", own.source, own.domain, own.chains + own.mailboxes),
        *_listed(f"{path}.open", wrap.open),
        *_listed(f"{path}.bounces", wrap.bounces),
    ]


def _listed(key: str, patterns: tuple[Pattern, ...]) -> list[_Claim]:
    return [_Claim(key, pattern.source, pattern.domain, pattern.chains) for pattern in patterns]


def _within(path: str, wrap: Wrap) -> Iterator[str]:
    """Tell of conflicts in one table. What is open may be of the application's mailbox, and may be no key's address."""
    own = wrap.address
    address = _Claim(f"{path}.address", own.source, own.domain, own.chains)
    opened, bounces = _listed(f"{path}.open", wrap.open), _listed(f"{path}.bounces", wrap.bounces)
    yield from _between([*opened, *bounces], [address])
    yield from _between(bounces, opened)


def _between(claims: Sequence[_Claim], others: Sequence[_Claim]) -> Iterator[str]:
    for claim in claims:
        for other in others:
            example = common_address(claim.domain, claim.chains, other.domain, other.chains)
            if example is not None:
                of_other = f"{other.key} ({other.source!r})" if other.source else f"our own addresses ({other.key})"
                yield f"{claim.key}: {claim.source!r} and {of_other} both claim {example}"
