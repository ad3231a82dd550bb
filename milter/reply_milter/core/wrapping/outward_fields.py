"""Rewrite the values of fields that hold addresses, links, or ids; what needs no change stays octet for octet."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reply_text.syntax.mailbox import mailboxes, plain

Written = Callable[[str], str | None]  # the address that takes the place of another; None: that one stays
Holds = Callable[[str], bool]

# `*+`, `++`: what was taken is never given back. Comments nest, so they are read apart.
_LEXEME = re.compile(r'"(?:[^"\\]++|\\.)*+"?|<[^<>]*+>?|[,;:>)]|[^"<>,;:()]++', re.DOTALL)
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)
_BRACKETED = re.compile(r"<[^<>]*+>")
_BLANKS = " \t\r\n"


class FieldError(ValueError):
    """The field can't be rewritten; the message says what is in the way, in constant words."""


@dataclass(slots=True)
class _Lexeme:
    text: str

    @property
    def kind(self) -> str:
        """Its first character for a quoted string, brackets, a comment or a mark; else empty: words of an atom."""
        return self.text[:1] if self.text[:1] in '"<(,;:>)' else ""


def rewrite_addresses(value: str, written: Written, holds: Holds) -> str:
    """Put other addresses in the place of some; a display name or comment that ``holds`` a key goes.

    Raises:
        FieldError: it could be read in two ways, or a key stands where it can't be taken out.
    """
    alone = written(value.strip(_BLANKS))
    if alone is not None:  # an address and nothing else, as most applications write it
        return alone
    lexemes = list(_lexemes(value))
    segment: list[_Lexeme] = []
    for lexeme in [*lexemes, _Lexeme(",")]:
        if lexeme.kind not in (",", ";", ":"):
            segment.append(lexeme)
            continue
        if lexeme.kind == ":" and holds("".join(one.text for one in segment)):
            raise FieldError("the name of a group holds a key")
        _rewrite_segment(segment, written, holds)
        segment = []
    rewritten = "".join(lexeme.text for lexeme in lexemes)
    if mailboxes(rewritten) != [written(address) or address for address in mailboxes(value)]:
        raise FieldError("its addresses can be read in two ways")
    return rewritten


def rewrite_links(value: str, holds: Holds) -> str:
    """Take out the links (``<mailto:...>``, RFC 2369) that hold a key; empty if none is left."""
    if not holds(value):
        return value
    return ",\n\t".join(link for link in _BRACKETED.findall(value) if not holds(link))


def rewrite_ids(value: str, holds: Holds) -> str:
    """Take out the ids that hold a key; empty if none is left."""
    if not holds(value):
        return value
    return "\n\t".join(_BRACKETED.sub(lambda found: "" if holds(found[0]) else found[0], value).split())


def _lexemes(value: str) -> Iterator[_Lexeme]:
    position = 0
    while position < len(value):
        if value[position] == "(":
            end = _end_of_comment(value, position)
        else:
            match = _LEXEME.match(value, position)
            end = match.end() if match else position + 1
        yield _Lexeme(value[position:end])
        position = end


def _end_of_comment(value: str, start: int) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(value, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return len(value)


def _rewrite_segment(segment: list[_Lexeme], written: Written, holds: Holds) -> None:
    """One mailbox, or a display name of a group, or stray words."""
    brackets = [lexeme for lexeme in segment if lexeme.kind == "<"]
    words = [lexeme for lexeme in segment if lexeme.kind in ("", '"')]
    comments = [lexeme for lexeme in segment if lexeme.kind == "("]
    for lexeme in brackets:
        new = written(plain(lexeme.text.strip("<>").strip()))
        lexeme.text = lexeme.text if new is None else f"<{new}>"
    bare = "".join(word.text for word in words)
    if not brackets and "@" in bare and (new := written(plain(bare.strip()))) is not None:
        _replace(words, new)
    elif holds(bare):
        if not brackets:
            raise FieldError("a key stands where no address is, or in one that is not spelled plainly")
        _replace(words, "")
    for comment in comments:
        if holds(comment.text):
            comment.text = ""


def _replace(words: list[_Lexeme], new: str) -> None:
    """Put ``new`` in the place of ``words``; white space around them stays, as it may be folding."""
    first, last = words[0].text, words[-1].text
    before, after = first[: len(first) - len(first.lstrip(_BLANKS))], last[len(last.rstrip(_BLANKS)) :]
    for word in words:
        word.text = ""
    words[0].text = before + new + (after if new else "")
