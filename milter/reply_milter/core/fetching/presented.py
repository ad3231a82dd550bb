"""A message in a mailbox as the milter's flow reads it, and as the hook gets it, sealed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from reply_milter.core.mail import headers
from reply_milter.core.mail.edited import edited, written
from reply_milter.core.mail.headers import Insert
from reply_milter.core.mail.message_id import is_made_up
from reply_text.syntax.message_file import split

_RETURN_PATH: Final = "return-path"
_VERDICT: Final = headers.VERDICT.lower()
_RESULTS: Final = headers.AUTHENTICATION_RESULTS.lower()
_RECEIVED: Final = "received"
_MESSAGE_ID: Final = "message-id"
_HOPS: Final = 2  # the provider's own: its mail exchanger, and what stores the message
_HOP_OCTETS: Final = 2048  # of a Received field that are read
_QUEUE_ID_OCTETS: Final = 6  # shorter ones stand in other Message-IDs by accident
_ADDED_BY_GMAIL: Final = "SMTPIN_ADDED_"
_PATH_OCTETS: Final = 512
_PATH: Final = re.compile(r"<[^<>\s]{0,510}>")
_MBOX: Final = (b"from ", b">from ")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message: its ``fields`` from the top, its ``body``, and both as ``octets``."""

    octets: bytes = field(repr=False)
    fields: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def read(cls, octets: bytes) -> "Fetched":
        """Take a message apart."""
        return cls(octets, *split(octets))

    @property
    def sender(self) -> str:
        """The argument of MAIL FROM, as the topmost Return-Path has it (RFC 5321 section 4.4); empty if unknown."""
        values = (value for name, value in self.fields if name.lower() == _RETURN_PATH)
        path = next(values, "")[:_PATH_OCTETS].strip()
        return path if _PATH.fullmatch(path) else ""

    def presented(self) -> Iterator[tuple[str, str]]:
        """Yield the fields as an MTA tells a milter of them, with the topmost Authentication-Results alone.

        The provider writes its results above those that a sender wrote; a sender may write any name into those. A
        Message-ID that the provider added is left out: a second copy of the message has another one.
        """
        has_results = False
        for name, value in self.fields:
            is_results = name.lower() == _RESULTS
            is_added = name.lower() == _MESSAGE_ID and self._is_added(value)
            if not is_added and not (is_results and has_results):
                yield name, value.removeprefix(" ")
            has_results = has_results or is_results

    def _is_added(self, identifier: str) -> bool:
        """Whether the provider added this Message-ID: with Gmail's mark, or with the id of a queue of its own."""
        hops = islice((value for name, value in self.fields if name.lower() == _RECEIVED), _HOPS)
        words = [hop[:_HOP_OCTETS].split() for hop in hops]
        named = [after.rstrip(";") for hop in words for word, after in pairwise(hop) if word.lower() == "id"]
        known = [queue_id for queue_id in named if len(queue_id) >= _QUEUE_ID_OCTETS]
        return any(is_made_up(identifier, one) for one in (_ADDED_BY_GMAIL, *known))


def sealed(message: Fetched, inserted: Iterable[Insert]) -> bytes:
    """The message with ``inserted`` on top, as an MTA writes them, and without the verdicts of others.

    All other octets stay as the server gave them, unless a field has to go, or a line of an mbox stands on top.
    """
    others = [(name, value) for name, value in message.fields if name.lower() != _VERDICT]
    top = written(edited((), inserted), b"").removesuffix(b"\r\n")
    if len(others) == len(message.fields) and not message.octets[:6].lower().startswith(_MBOX):
        return top + message.octets
    return top + written([(name, value.removeprefix(" ")) for name, value in others], message.body)
