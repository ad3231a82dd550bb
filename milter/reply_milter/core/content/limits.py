"""How much of one message is read. What lies beyond is left out, and the result says so."""

from dataclasses import dataclass

from reply_milter.core.mail.headers import FIELDS_LIMIT, OCTETS_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds for reading one message. Time and memory grow with the message and with nothing else.

    ``depth`` multiparts within each other; a deeper one becomes an attachment, unopened. ``parts`` is the number of
    all parts, multiparts included. ``text_characters`` and ``html_characters`` bound what becomes text; attachments
    are as large as the message lets them be.
    """

    fields: int = FIELDS_LIMIT
    field_octets: int = OCTETS_LIMIT
    depth: int = 10
    parts: int = 250
    text_characters: int = 500_000
    html_characters: int = 2_000_000
