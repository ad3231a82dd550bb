"""Mailboxes in From, Sender and Reply-To (RFC 5322 section 3.4), tokenised with bounds.

The standard library's header parser raises on hostile input (``a@[``, deep comments), so this reads only what the
rules need, in one pass over the text.
"""

import re
from dataclasses import dataclass

from reply_milter.core.comments import without_comments

_LEXEME = re.compile(r'"(?:\\.|[^"\\])*"?|<[^<>]*>?|[,;:>]|[^"<>,;:]+', re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"?', re.DOTALL)
_LIMIT = 64  # mailboxes of one field that are looked at; From may hold one


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty and is not decoded here, and an address without brackets."""

    name: str
    address: str


def mailboxes(value: str) -> list[str]:
    """The addresses in a header field's value, without display names, comments and brackets; at most 64.

    A part without an ``@`` is a stray word of a display name (``Doe, Jane <j@example.com>``), not a mailbox.
    """
    return [mailbox.address for mailbox in named(value)]


def named(value: str) -> list[Mailbox]:
    """The same mailboxes with their display names: who is shown is who was judged."""
    return [mailbox for mailbox in _parts(without_comments(value)) if mailbox.address][:_LIMIT]


def _parts(value: str) -> list[Mailbox]:
    """What stands in brackets, or bare, between commas, semicolons and the colons of groups."""
    parts: list[Mailbox] = []
    bare, bracketed = "", False
    for lexeme in _LEXEME.findall(value):
        if lexeme[0] == "<":  # `<a@b> <c@d>` is two mailboxes, however it is joined
            parts.append(Mailbox(_display_name(bare), lexeme.strip("<>").strip()))
            bare, bracketed = "", True
        elif lexeme in ",;:>":
            parts.append(Mailbox("", _bare_address(bare, bracketed)))
            bare, bracketed = "", False
        else:
            bare += lexeme
    parts.append(Mailbox("", _bare_address(bare, bracketed)))
    return parts


def _bare_address(text: str, bracketed: bool) -> str:
    """What stands outside brackets: an address, or words of a display name, which are none."""
    return text.strip() if "@" in text and not bracketed else ""


def _display_name(text: str) -> str:
    """Words and quoted strings as they are to be read: quotes and backslashes off, white space even."""
    unquoted = _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), text)
    return " ".join(unquoted.split())
