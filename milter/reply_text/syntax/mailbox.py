"""Mailboxes in From, Sender and Reply-To (RFC 5322 section 3.4), tokenised with bounds.

The standard library's header parser raises on hostile input (``a@[``, deep comments), so this reads only what the
rules need, in one pass over the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Final

from reply_text.syntax.comments import without_comments

# `*+`, `++`: possessive, so without backtracking.
_LEXEME: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|<[^<>]*+>?|[,;:>]|[^"<>,;:]++', re.DOTALL)
_QUOTED: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"?', re.DOTALL)
_LIMIT: Final = 1000  # mailboxes read per field; From may contain one
# The first look-behind makes a run of blanks match only from its start; matching from each blank would be quadratic.
_BLANKS: Final = re.compile(r"(?<![ \t\r\n])[ \t\r\n]++(?=[@.])|(?<=[@.])[ \t\r\n]++")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty and is not decoded here, and an address without brackets."""

    name: str
    address: str


def mailboxes(value: str) -> list[str]:
    """Return the addresses in a field's value, without display names, comments, brackets and routes; at most 1000.

    White space around ``@`` and dots is removed (RFC 5322 section 4.4). A part without an ``@`` is a stray word of a
    display name (``Doe, Jane <j@example.com>``), not a mailbox.
    """
    return [address for _, address in _parts(value)]


def named(value: str) -> list[Mailbox]:
    """Return the same mailboxes with display names, so that applications show the author whom the rules checked."""
    return [Mailbox(_display_name(name), address) for name, address in _parts(value)]


def _parts(value: str) -> list[tuple[str, str]]:
    """Return the display name, not yet decoded, and the address of each mailbox."""
    found = _split(without_comments(value))
    return [(name, plain(address)) for name, address in islice(filter(itemgetter(1), found), _LIMIT)]


def _split(value: str) -> Iterator[tuple[str, str]]:
    """Yield the parts between commas, semicolons and the colons of groups, in brackets or bare; some are empty."""
    bare: list[str] = []
    bracketed = False
    for lexeme in _LEXEME.findall(value):
        if lexeme[0] == "<":  # `<a@b> <c@d>` is two mailboxes, with any separator
            yield "".join(bare), lexeme.strip("<>").strip()
            bare, bracketed = [], True
        elif lexeme in ",;:>":
            if bare:
                yield "", _bare_address("".join(bare), bracketed)
                bare = []
            bracketed = False
        else:
            bare.append(lexeme)
    yield "", _bare_address("".join(bare), bracketed)


def _bare_address(text: str, bracketed: bool) -> str:
    """Return the address outside of brackets; empty for words of a display name."""
    return text.strip() if "@" in text and not bracketed else ""


def plain(address: str) -> str:
    """An address as it is compared: without a route, and without white space around @ and dots."""
    if address.startswith("@"):  # a route: <@relay.example:jane@example.com>
        address = address.partition(":")[2] or address
    return _BLANKS.sub("", address).strip()


def _display_name(text: str) -> str:
    """Return words and quoted strings as a reader sees them: without quotes and backslashes, with single blanks."""
    unquoted = _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), text)
    return " ".join(unquoted.split())
