"""Lists of Message-IDs as clients write them (RFC 5322 section 3.6.4)."""

import re
from typing import Final

from reply_text.syntax.comments import without_comments

CANDIDATES: Final = 16  # ids read per list where the caller names no other number
_ID_OCTETS: Final = 998  # RFC 5322 section 2.1.1: a line
_LOOKED_AT: Final = 32 * 1024  # characters of a list: twice the length of CANDIDATES ids. Each bracket costs a step

_MARK: Final = re.compile(r"[<()]")
_REST: Final = re.compile(r"[^\s<>]*>?")  # of an id, after its <


def own_id(value: str) -> str:
    """Return the octets between ``<`` and ``>`` of a Message-ID field; the whole value if it has no brackets."""
    ids = identifiers(value, limit=1)
    return ids[0] if ids else value.strip().strip("<>").strip()


def identifiers(value: str, limit: int = CANDIDATES, last_first: bool = False) -> list[str]:
    """Return the ``<...>`` of an In-Reply-To or References value, in order or from the last; at most ``limit``.

    White space and commas (Exchange) separate them; comments are skipped, so ``(see <a@b>)`` is not an id. An id
    contains neither white space nor angle brackets, and is at most a line long. Encoded words are never decoded. Of a
    longer value, only the first 32 KiB are read, or the last.
    """
    value = value[-_LOOKED_AT:] if last_first else value[:_LOOKED_AT]
    most = len(value) if last_first else limit
    found, unclosed = _outside_comments(value, most)
    if unclosed >= 0:  # `Joe :-( of Monday <a@b>`: an open parenthesis without its end is no comment
        found += _outside_comments(value[unclosed + 1 :].replace("(", " "), most)[0]
    return found[: -limit - 1 : -1] if last_first else found[:limit]


def _outside_comments(value: str, limit: int) -> tuple[list[str], int]:
    """Return the first ``limit`` ids outside of comments, and the offset of a comment without end; -1 for none."""
    found: list[str] = []
    depth, opened, position = 0, -1, 0
    while len(found) < limit and (mark := _MARK.search(value, position)):
        position = mark.end()
        if mark[0] == "(":
            opened = opened if depth else mark.start()
            depth += 1
        elif mark[0] == ")":
            depth = max(0, depth - 1)
        elif not depth and (rest := _REST.match(value, position)):
            position = rest.end()
            if rest[0].endswith(">"):
                _keep(found, rest[0][:-1])
    return found, opened if depth and len(found) < limit else -1


def unbracketed(value: str, limit: int = CANDIDATES) -> list[str]:
    """Return the last ``limit`` words with an ``@`` of a value without angle brackets, in order."""
    if "<" in value or "@" not in value:
        return []
    words = without_comments(value[-_LOOKED_AT:]).replace(",", " ").split()
    return [word for word in words if "@" in word and len(word) <= _ID_OCTETS][-limit:]


def _keep(found: list[str], identifier: str) -> None:
    if 0 < len(identifier) <= _ID_OCTETS:
        found.append(identifier)
