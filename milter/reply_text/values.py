"""Values that are read from a message."""

from dataclasses import dataclass
from enum import StrEnum

from reply_text.syntax.mailbox import Mailbox


class Flaw(StrEnum):
    """What is missing or guessed in a Content. An application may show these words, or count them."""

    FIELDS_CUT = "fields_cut"
    PARTS_CUT = "parts_cut"
    TOO_DEEP = "too_deep"
    TEXT_CUT = "text_cut"
    HTML_CUT = "html_cut"
    CHARSET_GUESSED = "charset_guessed"
    ENCODING_BROKEN = "encoding_broken"
    TEXT_ELSEWHERE = "text_elsewhere"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text. ``octets`` are decoded, but not searched or changed.

    ``name``: without path and control characters, empty if none was given. ``content_type``: ``type/subtype`` in lower
    case. ``content_id``: without angle brackets; HTML refers to it as ``cid:``. ``inline``: the author's program wants
    it to be shown within the text.
    """

    name: str
    content_type: str
    content_id: str
    octets: bytes
    inline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A reply, ready to be posted.

    ``text``: all of it as text. ``html``: its HTML as it came, or empty; a stranger wrote it, so sanitize it.
    ``stripped``: what the author wrote, ``text`` without quotes, attributions and signatures. Lines end in LF.
    ``fields``: the header fields from the top, unfolded and decoded for display, names as they came. ``flaws``: empty
    for nearly all mail. No string holds a NUL or a lone surrogate.
    """

    author: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    subject: str
    date: str
    message_id: str
    text: str
    html: str
    stripped: str
    fields: tuple[tuple[str, str], ...]
    attachments: tuple[Attachment, ...]
    flaws: frozenset[Flaw]


class Kind(StrEnum):
    """What a line was taken for."""

    KEPT = "kept"
    QUOTE = "quote"
    ATTRIBUTION = "attribution"
    HEADER = "header"  # of the message that is answered, with the lines that separate it
    SIGNATURE = "signature"
    ARMOUR = "armour"  # of inline OpenPGP
    MARKER = "marker"  # the operator's line, and all below it


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reply, and what each line of its text was taken for.

    ``lines``: in order, those of ``content.text``, or of the rendered HTML where only that marked the quotes.
    """

    content: Content
    lines: tuple[tuple[Kind, str], ...]
