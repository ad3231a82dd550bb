"""Patterns of an application's addresses: literals, character classes and counts, no more.

``parse`` reads the address that an application makes, ``glob`` one for ``open`` and ``bounces``. Each is matched as a
whole, in time that grows with the address alone: a key's parts take all that they can and give nothing back, and a run
of ``*`` ends at the first place where it may.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from reply_milter.core.mail import domain as domains
from reply_milter.core.wrapping.automaton import Chain, Run, common_text, shared
from reply_milter.core.wrapping.pattern_syntax import (
    CHARACTERS,
    Parts,
    is_varying,
    read_key,
    read_local,
)
from reply_milter.core.wrapping.pattern_syntax import PatternError as PatternError

ADDRESS_OCTETS = 320  # of an address; a longer one matches nothing
_Name = tuple[Parts, frozenset[str]]  # of a mailbox, and the delimiters behind it
DELIMITERS = frozenset("+-_.=/~")
ANYTHING = Run(frozenset(map(chr, range(33, 127))) - {"@"}, 0, None)  # as a local part may have it


def _compiled(expression: str, case_matters: bool) -> "re.Pattern[str]":
    return re.compile(expression, re.ASCII | re.DOTALL | (re.NOFLAG if case_matters else re.IGNORECASE))


_NOTHING = _compiled("(?!)", True)


class Matched(NamedTuple):
    """``key``: what gives access, as it was spelled; empty where the pattern has none."""

    key: str


@dataclass(frozen=True, slots=True)
class KeyForm:
    """The form of a key alone. For a pattern without a key nothing has it."""

    expression: "re.Pattern[str]" = field(default=_NOTHING, repr=False)

    def fullmatch(self, text: str) -> bool:
        """Whether ``text`` is a key, all of it."""
        return len(text) <= ADDRESS_OCTETS and self.expression.fullmatch(text) is not None

    def finds_in(self, text: str) -> bool:
        """Whether a key stands anywhere in ``text``, which may be of any length."""
        return self.expression.search(text) is not None


@dataclass(frozen=True, slots=True)
class Pattern:
    """``source``: as the operator wrote it. ``domain``: in lower case, and compared so. The local part has case.

    ``chains`` match the local parts, one per form of the key. ``mailboxes``: the application's mailbox alone, and the
    mailbox with its delimiter and anything behind that; other local parts than ``chains`` have.
    """

    source: str
    local: "re.Pattern[str]" = field(repr=False)
    domain: str
    has_key: bool
    key_form: KeyForm = field(default=KeyForm(), repr=False)
    chains: tuple[Chain, ...] = field(default=(), repr=False)
    mailboxes: tuple[Chain, ...] = field(default=(), repr=False)
    native: "re.Pattern[str]" = field(default=_NOTHING, repr=False)

    def match(self, address: str) -> Matched | None:
        """Match a bare address as a whole; None if it doesn't."""
        local, at, domain = address.rpartition("@")
        if not at or len(address) > ADDRESS_OCTETS or domains.to_ascii(domain) != self.domain:
            return None
        found = self.local.fullmatch(local)
        return Matched(found["key"] if self.has_key else "") if found else None

    def is_native(self, local: str, domain: str) -> bool:
        """Whether an address is the application's own by any spelling of it, or its mailbox: see ``mailboxes``."""
        if len(local) + len(domain) >= ADDRESS_OCTETS or domains.to_ascii(domain) != self.domain:
            return False
        return self.native.fullmatch(local.casefold()) is not None

    def common_address(self, other: "Pattern") -> str | None:
        """An address that both match, case aside; None if there is none. Mailboxes don't count."""
        return common_address(self.domain, self.chains, other.domain, other.chains)


def common_address(
    domain: str, chains: Iterable[Chain], other_domain: str, other_chains: Iterable[Chain]
) -> str | None:
    """The shortest address that is of both kinds: one of the local parts at the same domain; None if there is none."""
    if domain != other_domain:
        return None
    longest, others = ADDRESS_OCTETS - len(domain) - 1, tuple(other_chains)
    texts = [common_text(one, two, longest) for one in chains for two in others]
    shortest = min((text for text in texts if text is not None), key=len, default=None)
    return None if shortest is None else f"{shortest}@{domain}"


def parse(address: str, key: str, case_matters: bool = False) -> Pattern:
    """Read the address of an application: ``{key}`` in it stands for ``key``, ``{any}`` for a run of key characters.

    ``key``: its forms, with a blank between them; not looked at where the address has none. ``case_matters``: of the
    local part.

    Raises:
        PatternError: with what is wrong and what is allowed.
    """
    local, domain = _split(address)
    parts = read_local(local, glob=False)
    forms = read_key(key) if parts.has_key else ()
    _check_borders(parts, forms)
    chains = tuple(parts.chain(form) for form in forms) or (parts.chain(),)
    names = tuple(dict.fromkeys(_mailbox_names(parts)))
    return Pattern(
        source=address,
        local=_compiled(_expression(parts, forms), case_matters),
        domain=domain,
        has_key=parts.has_key,
        key_form=KeyForm(_compiled(_key_expression(forms), case_matters)) if forms else KeyForm(),
        chains=chains,
        mailboxes=tuple(_mailboxes(names)),
        native=_compiled("|".join([_expression(parts, forms), *_mailbox_expressions(names)]), False),
    )


def glob(text: str) -> Pattern:
    """Read an address in which each ``*`` stands for a run of key characters, one at least.

    Raises:
        PatternError: with what is wrong and what is allowed.
    """
    local, domain = _split(text)
    parts = read_local(local, glob=True)
    return Pattern(text, _compiled(_expression(parts, ()), False), domain, False, chains=(parts.chain(),))


def _split(address: str) -> tuple[str, str]:
    local, at, name = address.rpartition("@")
    domain = domains.to_ascii(name)
    if not at or "@" in local or domain is None or not domains.is_host_name(domain):
        raise PatternError(f"{address!r} is not LOCAL-PART@DOMAIN, with a domain that has no placeholder in it")
    return local, domain


def _check_borders(parts: Parts, forms: tuple[Chain, ...]) -> None:
    """Make sure that an address can be read in one way only: it is plain where its key begins and ends."""
    if not parts.has_key:
        return
    open_ended = frozenset(char for form in forms if form[-1].least != form[-1].most for char in form[-1].chars)
    behind = parts.pieces[parts.pieces.index("{key}") + 1 :][:1]
    if behind and shared(open_ended, frozenset(behind[0][0])):
        raise PatternError(
            f"what stands behind {{key}} must begin with a character that no key ends with: {behind[0]!r}"
        )
    if "{any}" in parts.pieces:
        chars = frozenset(char for form in forms for run in form for char in run.chars)
        first, last = sorted((parts.pieces.index("{any}"), parts.pieces.index("{key}")))
        if all(shared(chars, frozenset(char)) for char in "".join(parts.pieces[first + 1 : last])):
            raise PatternError("between {any} and {key} there must be a character that no key has")


def _mailboxes(names: Iterable[_Name]) -> Iterator[Chain]:
    for mailbox, delimiters in names:
        yield mailbox.chain()
        yield (*mailbox.chain(), Run(delimiters), ANYTHING)


def _mailbox_expressions(names: Iterable[_Name]) -> Iterator[str]:
    for mailbox, delimiters in names:
        yield f"{_expression(mailbox, ())}(?:{_class_expression(delimiters)}.*)?"


def _mailbox_names(parts: Parts) -> Iterator[_Name]:
    """Each name of the application's mailbox, with the delimiters behind which an MTA takes anything.

    One name is what stands before the key, without its last delimiter. Another is what stands before the first plus:
    that is where most MTAs split, so a plus is a delimiter whatever the application uses.
    """
    before = parts.before_key
    if not before or is_varying(before[-1]):
        return
    last = before[-1]
    if not parts.has_key or last[-1] not in DELIMITERS:
        yield Parts(before), frozenset("+")
    elif len(last) > 1:
        yield Parts((*before[:-1], last[:-1])), frozenset({"+", last[-1]})
    yield from _split_at_plus(before)


def _split_at_plus(pieces: tuple[str, ...]) -> Iterator[_Name]:
    for number, piece in enumerate(pieces):
        if not is_varying(piece) and "+" in piece:
            mailbox = tuple(one for one in (*pieces[:number], piece.partition("+")[0]) if one)
            if mailbox:
                yield Parts(mailbox), frozenset("+")
            return


def _expression(parts: Parts, forms: Iterable[Chain]) -> str:
    written, pieces = "", list(parts.pieces)
    while pieces:
        piece = pieces.pop(0)
        if piece == "{key}":
            written += f"(?P<key>{_key_expression(forms)})"
        elif not is_varying(piece):
            written += re.escape(piece)
        elif "*" in pieces:  # ends at the first place where it may: what follows takes whatever it leaves
            written += f"(?>{_ANY}+?{re.escape(pieces.pop(0))})"
        else:
            written += f"{_ANY}+"
    return written


def _key_expression(forms: Iterable[Chain]) -> str:
    return "|".join("".join(map(_run_expression, form)) for form in forms)


def _run_expression(run: Run) -> str:
    """Take all that there is: what follows a run of variable length is not in its class."""
    count = f"{{{run.least}}}" if run.least == run.most else f"{{{run.least},{run.most}}}+"
    return _class_expression(run.chars) + ("" if run.least == run.most == 1 else count)


def _class_expression(chars: frozenset[str]) -> str:
    return f"[{''.join(map(re.escape, sorted(chars)))}]"


_ANY = _class_expression(CHARACTERS)
