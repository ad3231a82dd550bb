"""Addresses that stand for all that reach an application's mailbox: to be asked of an MTA, which knows no patterns."""

from collections.abc import Iterable, Iterator

from reply_milter.core.wrapping.automaton import Chain, common_text
from reply_milter.core.wrapping.pattern import ADDRESS_OCTETS, ANYTHING, Pattern
from reply_milter.core.wrapping.wrap import Wrap

_MORE = "0"  # behind the delimiter of a mailbox


def sample_addresses(wrap: Wrap) -> tuple[str, ...]:
    """One address of each kind: with a key, the mailbox alone and with an extension, open ones, those for reports."""
    own = wrap.address
    found = [*_addresses(own, own.chains), *_mailboxes(own), *_extended(own)]
    for pattern in (*wrap.open, *wrap.bounces):
        found += _addresses(pattern, pattern.chains)
    return tuple(dict.fromkeys(found))


def mailbox_names(own: Pattern) -> tuple[str, ...]:
    """The local parts of the application's mailbox, without an extension; empty where nothing stands before the key.

    Also where a name has no single spelling, because of ``{any}``.
    """
    plain = [chain for chain in own.mailboxes if chain[-1] != ANYTHING]
    if any(run.least != run.most or len(run.chars) != 1 for chain in plain for run in chain):
        return ()
    return tuple(address.rpartition("@")[0] for address in _mailboxes(own))


def delimiters(own: Pattern) -> frozenset[str]:
    """What may stand behind such a name."""
    return frozenset(char for chain in own.mailboxes if chain[-1] == ANYTHING for char in chain[-2].chars)


def _mailboxes(own: Pattern) -> Iterator[str]:
    return _addresses(own, (chain for chain in own.mailboxes if chain[-1] != ANYTHING))


def _extended(own: Pattern) -> Iterator[str]:
    for address in _addresses(own, (chain for chain in own.mailboxes if chain[-1] == ANYTHING)):
        local, _, domain = address.rpartition("@")
        yield f"{local}{_MORE}@{domain}"


def _addresses(pattern: Pattern, chains: Iterable[Chain]) -> Iterator[str]:
    for chain in chains:
        text = common_text(chain, (ANYTHING,), ADDRESS_OCTETS - len(pattern.domain) - 1)
        if text is not None:
            yield f"{text}@{pattern.domain}"
