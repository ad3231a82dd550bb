"""Mailboxes in From, Sender and Reply-To (RFC 5322 section 3.4), tokenised with bounds.

The standard library's header parser raises on hostile input (``a@[``, deep comments), so this reads only what the
rules need, in one pass over the text.
"""

import re

from reply_milter.core.comments import without_comments

_LEXEME = re.compile(r'"(?:\\.|[^"\\])*"?|<[^<>]*>?|[,;:>]|[^"<>,;:]+', re.DOTALL)
_LIMIT = 64  # mailboxes of one field that are looked at; From may hold one


def mailboxes(value: str) -> list[str]:
    """The addresses in a header field's value, without display names, comments and brackets; at most 64.

    A part without an ``@`` is a stray word of a display name (``Doe, Jane <j@example.com>``), not a mailbox.
    """
    return list(filter(None, _parts(without_comments(value))))[:_LIMIT]


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
