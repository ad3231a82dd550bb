"""Limits for reading one message. What exceeds them is left out, and the result says so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for reading one message. Time and memory grow with its size alone.

    ``depth``: multiparts within each other; a deeper one becomes an attachment, unopened. ``parts``: all parts,
    multiparts included. ``text_characters``, ``html_characters``: characters that are decoded as text. Attachments are
    limited only by the size of the message.
    """

    fields: int = 2000
    field_octets: int = 256 * 1024
    depth: int = 10
    parts: int = 250
    text_characters: int = 500_000
    html_characters: int = 2_000_000
