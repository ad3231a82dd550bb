"""Message-IDs: ours as we write them, and lists of them as clients write them.

The recommended form of a notification's Message-ID is ``<LOCATOR "/" SECONDS ["." UNIQUE] "@" DOMAIN>``: it tells
what a reply is about and when that was posted.
"""

import re
from typing import NamedTuple

from reply_milter.core.comments import without_comments

CANDIDATES = 16  # ids looked at in one message; each costs an HMAC
_ID_OCTETS = 998  # RFC 5322 section 2.1.1: a line
LOCATOR_OCTETS = 200

_BRACKETED = re.compile(r"<([^<>\s]+)>")  # where there are no comments, this finds what the long way finds
_SEGMENT = r"[A-Za-z0-9_~-](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?"
LOCATOR = re.compile(rf"(?!.*\.\.){_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)
_OWN = re.compile(r"(?P<locator>.+)/(?P<seconds>[1-9][0-9]{0,11})(?:\.[A-Za-z0-9]+)?@(?P<domain>[^@/]+)", re.ASCII)


class Thread(NamedTuple):
    """What a Message-ID of the recommended form says. ``replied_to`` in Unix seconds."""

    locator: str
    replied_to: int
    domain: str


def is_locator(text: str) -> bool:
    """Whether ``text`` may stand as LOCATOR in a Message-ID of ours."""
    return len(text) <= LOCATOR_OCTETS and LOCATOR.fullmatch(text) is not None


def write(locator: str, seconds: int, unique: str, domain: str) -> str:
    """A Message-ID of the recommended form, without angle brackets. ``unique`` may be empty."""
    return f"{locator}/{seconds}{'.' if unique else ''}{unique}@{domain}"


def parse(message_id: str) -> Thread | None:
    """Read a Message-ID (without brackets) of the recommended form; None for any other."""
    match = _OWN.fullmatch(message_id)
    if match is None or not is_locator(match["locator"]):
        return None
    return Thread(match["locator"], int(match["seconds"]), match["domain"].lower())


def own_id(value: str) -> str:
    """The octets between ``<`` and ``>`` of a Message-ID field; the bare value if it is no such thing."""
    ids = identifiers(value, limit=1)
    return ids[0] if ids else value.strip().strip("<>").strip()


def is_made_up(identifier: str, queue_id: str) -> bool:
    """Whether the MTA gave a message this id on its arrival, and will give it another one the next time."""
    return bool(queue_id) and queue_id in identifier


def identifiers(value: str, limit: int = CANDIDATES, last_first: bool = False) -> list[str]:
    """The ``<...>`` of an In-Reply-To or References value, in order or from the last; at most ``limit``.

    White space and commas (Exchange) separate them; comments are skipped, so that ``(see <a@b>)`` is none. An
    id holds no white space and no angle bracket and is at most a line long. Encoded words are never decoded.
    """
    if "(" not in value:
        found = [identifier for identifier in _BRACKETED.findall(value) if len(identifier) <= _ID_OCTETS]
        return found[: -limit - 1 : -1] if last_first else found[:limit]
    return _outside_comments(value, limit, last_first)


def _outside_comments(value: str, limit: int, last_first: bool) -> list[str]:
    found: list[str] = []
    depth = 0
    start = -1
    for position, character in enumerate(value):
        if character == "<" and not depth:
            start = position + 1
        elif start >= 0:
            if character == ">":
                _keep(found, value[start:position])
                start = -1
            elif character.isspace():
                start = -1
        else:
            depth = max(0, depth + (character == "(") - (character == ")"))
        if len(found) == limit and not last_first:
            break
    return found[: -limit - 1 : -1] if last_first else found


def unbracketed(value: str, limit: int = CANDIDATES) -> list[str]:
    """The last ``limit`` words with an ``@`` of a value that holds no angle bracket, in order."""
    if "<" in value or "@" not in value:
        return []
    words = without_comments(value).replace(",", " ").split()
    return [word for word in words if "@" in word and len(word) <= _ID_OCTETS][-limit:]


def _keep(found: list[str], identifier: str) -> None:
    if 0 < len(identifier) <= _ID_OCTETS:
        found.append(identifier)
