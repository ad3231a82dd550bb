"""Message-IDs of ours, as notifications have them.

The recommended form of a notification's Message-ID is ``<LOCATOR "/" SECONDS ["." UNIQUE] "@" DOMAIN>``: it names
the subject of a reply and the time when that was posted.
"""

import re
from dataclasses import dataclass
from typing import Final

from reply_milter.core.mail.domain import in_ascii_lower_case
from reply_text.syntax.message_ids import identifiers

_BOUND_OCTETS: Final = 900  # of an id that an address is minted for: it must fit a line behind "References:"
LOCATOR_OCTETS: Final = 200

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


def is_usable(identifier: str) -> bool:
    """Return whether an id (without brackets) can be bound: In-Reply-To and References repeat it unchanged."""
    is_text = not any(0xD800 <= ord(character) <= 0xDFFF for character in identifier)  # octets that are not UTF-8
    fits = is_text and "@" in identifier and len(identifier.encode()) <= _BOUND_OCTETS
    return fits and identifiers(f"<{identifier}>") == [identifier]


def is_made_up(identifier: str, queue_id: str) -> bool:
    """Return whether the MTA added this id on arrival; it would add another one to a retry."""
    return bool(queue_id) and queue_id in identifier
