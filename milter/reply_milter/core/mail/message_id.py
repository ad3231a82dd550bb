"""Message-IDs: ours as we write them, and lists of them as clients write them.

The recommended form of a notification's Message-ID is ``<LOCATOR "/" SECONDS ["." UNIQUE] "@" DOMAIN>``: it names
the subject of a reply and the time when that was posted.
"""

import re
from dataclasses import dataclass
from typing import Final

from reply_milter.core.mail.comments import without_comments
from reply_milter.core.mail.domain import in_ascii_lower_case

CANDIDATES: Final = 16  # ids compared per message; each costs an HMAC
_ID_OCTETS: Final = 998  # RFC 5322 section 2.1.1: a line
_LOOKED_AT: Final = 32 * 1024  # characters of a list: twice the length of CANDIDATES ids. Each bracket costs a step
_BOUND_OCTETS: Final = 900  # of an id that an address is minted for: it must fit a line behind "References:"
LOCATOR_OCTETS: Final = 200

_MARK: Final = re.compile(r"[<()]")
_REST: Final = re.compile(r"[^\s<>]*>?")  # of an id, after its <
_SEGMENT: Final = r"[A-Za-z0-9_~-](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?"
LOCATOR: Final = re.compile(rf"(?!.*\.\.){_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)
_OWN: Final = re.compile(
    r"(?P<locator>.+)/(?P<seconds>[1-9][0-9]{0,11})(?:\.[A-Za-z0-9]+)?@(?P<domain>[^@/]+)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Thread:
    """The parts of a Message-ID of the recommended form. ``replied_to`` in Unix seconds."""

    locator: str
    replied_to: int
    domain: str


def is_locator(text: str) -> bool:
    """Return whether ``text`` may be the LOCATOR of a Message-ID of ours."""
    return len(text) <= LOCATOR_OCTETS and LOCATOR.fullmatch(text) is not None


def write(locator: str, seconds: int, unique: str, domain: str) -> str:
    """Write a Message-ID of the recommended form, without angle brackets. ``unique`` may be empty."""
    return f"{locator}/{seconds}{'.' if unique else ''}{unique}@{domain}"


def parse(message_id: str) -> Thread | None:
    """Read a Message-ID (without brackets) of the recommended form; None for any other."""
    match = _OWN.fullmatch(message_id)
    if match is None or not is_locator(match["locator"]):
        return None
    return Thread(match["locator"], int(match["seconds"]), in_ascii_lower_case(match["domain"]))


def own_id(value: str) -> str:
    """Return the octets between ``<`` and ``>`` of a Message-ID field; the whole value if it has no brackets."""
    ids = identifiers(value, limit=1)
    return ids[0] if ids else value.strip().strip("<>").strip()


def is_usable(identifier: str) -> bool:
    """Return whether an id (without brackets) can be bound: In-Reply-To and References repeat it unchanged."""
    is_text = not any(0xD800 <= ord(character) <= 0xDFFF for character in identifier)  # octets that are not UTF-8
    fits = is_text and "@" in identifier and len(identifier.encode()) <= _BOUND_OCTETS
    return fits and identifiers(f"<{identifier}>") == [identifier]


def is_made_up(identifier: str, queue_id: str) -> bool:
    """Return whether the MTA added this id on arrival; it would add another one to a retry."""
    return bool(queue_id) and queue_id in identifier


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
