"""Mailboxes in From, Sender and Reply-To (RFC 5322 section 3.4), tokenised with bounds.

The standard library's header parser raises on hostile input (``a@[``, deep comments), so this reads only what the
rules need, in one pass over the text.
"""

import re

from reply_milter.core.comments import without_comments

_LEXEME = re.compile(r'"(?:\\.|[^"\\])*"?|<[^<>]*>?|[,;:>]|[^"<>,;:]+', re.DOTALL)
_LIMIT = 1000  # mailboxes of one field that are looked at; From may hold one
_BLANKS = re.compile(r"[ \t\r\n]*([@.])[ \t\r\n]*")


def mailboxes(value: str) -> list[str]:
    """The addresses in a header field's value, without display names, comments, brackets and routes; at most 1000.

    White space around ``@`` and dots goes, as RFC 5322 section 4.4 has it. A part without an ``@`` is a stray word of a
    display name (``Doe, Jane <j@example.com>``), not a mailbox.
    """
    return [_plain(part) for part in _parts(without_comments(value)) if part][:_LIMIT]


def _plain(part: str) -> str:
    if part.startswith("@"):  # a route: <@relay.example:jane@example.com>
        part = part.partition(":")[2] or part
    return _BLANKS.sub(r"\1", part).strip()


def _parts(value: str) -> list[str]:
    """What stands in brackets, or bare, between commas, semicolons and the colons of groups."""
    parts: list[str] = []
    bare, bracketed = "", False
    for lexeme in _LEXEME.findall(value):
        if lexeme[0] == "<":  # `<a@b> <c@d>` is two mailboxes, however it is joined
            parts.append(lexeme.strip("<>").strip())
            bracketed = True
        elif lexeme in ",;:>":
            parts.append(_bare_address(bare, bracketed))
            bare, bracketed = "", False
        else:
            bare += lexeme
    parts.append(_bare_address(bare, bracketed))
    return parts


def _bare_address(text: str, bracketed: bool) -> str:
    """What stands outside brackets: an address, or words of a display name, which are none."""
    return text.strip() if "@" in text and not bracketed else ""
