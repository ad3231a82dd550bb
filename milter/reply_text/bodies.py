"""Decide which parts are the text, and which are attachments."""

import html
import re
from collections import Counter
from dataclasses import dataclass, field

from reply_text import charset, cms, encoded_words, enriched, flowed, html_charset, kinds, lines, long_lines, transfer
from reply_text.kinds import Text
from reply_text.parts import Opening, Part
from reply_text.syntax.message_ids import own_id
from reply_text.values import Attachment, Flaw

_END_TAG = re.compile(r"</[A-Za-z]")
_SIGNATURES = 3  # within each other: each is a copy of nearly all octets
_WIDEST = 4  # the most octets of a character, in any charset
_CUTS = {Text.PLAIN: Flaw.TEXT_CUT, Text.ENRICHED: Flaw.TEXT_CUT, Text.HTML: Flaw.HTML_CUT}


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of the text, as it came: plain, or HTML, or both with the same content."""

    plain: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class _Aside:
    """A text among the attachments. ``group``: equal for parts that say the same; ``attached``: meant as a file."""

    sorting: "Sorting"
    part: Part
    text: Text
    attachment: Attachment
    group: int
    attached: bool


@dataclass(slots=True)
class Sorting:
    """Sorts the parts of one message, or of one that it encloses, into text and attachments."""

    opening: Opening
    attachments: list[Attachment] = field(default_factory=list)
    _taken: Counter[Flaw] = field(default_factory=Counter)
    _asides: list[_Aside] = field(default_factory=list)
    _group: int = 0  # of the multipart/alternative that is open; 0 for none

    def pieces(self, part: Part) -> list[Piece]:
        """Return the text of ``part`` in order. Other parts go to ``attachments``.

        Of a multipart/alternative, plain text and HTML are one piece (RFC 2046 section 5.1.4). All other multiparts
        are read one part after the other.
        """
        if kinds.is_unreadable(part):
            self.opening.flaws.add(Flaw.UNREADABLE)
        if not part.children:
            return self._leaf(part)
        outer, alternative = self._group, part.content_type.word == "multipart/alternative"
        self._group = outer or (len(self.attachments) + 1 if alternative else 0)
        found = [piece for child in part.children for piece in self.pieces(child)]
        self._group = outer
        return _alternatives(found) if alternative else found

    def instead(self) -> list[Piece]:
        """Return the only text among the attachments: the body, if no other part shows a word.

        MMS gateways and ActiveSync give it a name, ticket tools call it an attachment. What was meant as a file also
        stays one. Of several texts, those are files that the author's program calls attachments.
        """
        asides = [aside for aside in self._asides if not aside.attached] or self._asides
        if len({aside.group for aside in asides}) != 1:
            return []
        for aside in asides:
            if not (aside.attached and aside.attachment.name):
                self.attachments.remove(aside.attachment)
        return _alternatives([aside.sorting.piece(aside.part, aside.text) for aside in asides])

    def piece(self, part: Part, text: Text) -> Piece:
        """Return ``part`` as a text that is written like this."""
        decoded = self._decoded(part, text)
        if text is Text.HTML:
            return Piece(html=decoded)
        if kinds.is_armour(decoded):
            self.opening.flaws.add(Flaw.UNREADABLE)
        if text is Text.ENRICHED:
            return Piece(plain=enriched.render(decoded))
        return Piece(plain=flowed.undone(decoded, part.content_type.parameters))

    def _leaf(self, part: Part) -> list[Piece]:
        text = kinds.body(part)
        if text is not None:
            return [self.piece(part, text)]
        attachment = self._attachment(part)
        if not (kinds.is_signed(part) and self.opening.depth):  # the outermost signature holds it
            self.attachments.append(attachment)
        text = kinds.named_text(part)
        if text is not None:
            attached = kinds.disposition(part).word == "attachment"
            self._asides.append(_Aside(self, part, text, attachment, self._group or -len(self.attachments), attached))
        return self._enclosed(attachment.octets) if kinds.is_signed(part) else []

    def _enclosed(self, octets: bytes) -> list[Piece]:
        """Return the text that an S/MIME signature encloses. The signature stays an attachment, and is not judged."""
        entity, around = cms.signed_content(octets), self.opening
        if entity is None or around.depth >= min(around.limits.depth, _SIGNATURES):
            around.flaws.add(Flaw.UNREADABLE if entity is None else Flaw.TOO_DEEP)
            return []
        if not entity:
            return []
        within = Opening(entity, around.limits, around.flaws, around.count, around.depth + 1)
        root = within.entity()
        around.count = within.count
        return Sorting(within, self.attachments, self._taken, self._asides, self._group).pieces(root)

    def _decoded(self, part: Part, text: Text) -> str:
        """Decode the text of ``part``, up to the limit of characters for all texts of its kind."""
        cut = _CUTS[text]
        limit = self._limit(text) - self._taken[cut]
        plain = self._plain(part)
        octets = plain.octets[: limit * _WIDEST]
        page = html_charset.declared(octets) if text is Text.HTML else ""
        read, certain = charset.decode(octets, *part.content_type.charsets, page)
        if not certain:
            self.opening.flaws.add(Flaw.CHARSET_GUESSED)
        if plain.rest:
            read += _below(charset.decode(plain.rest[: limit * _WIDEST]).text, text)
        if len(read) > limit or len(plain.octets) > limit * _WIDEST:
            self.opening.flaws.add(cut)
        kept = lines.cut(read, limit)
        self._taken[cut] += len(kept)
        return kept

    def _limit(self, text: Text) -> int:
        limits = self.opening.limits
        return limits.html_characters if text is Text.HTML else limits.text_characters

    def _plain(self, part: Part) -> transfer.Plain:
        """Undo the transfer encoding of a text, and what an MTA did to lines without one."""
        octets, encoding = self.opening.message[part.start : part.end], part.value("content-transfer-encoding")
        plain = transfer.decode(octets if transfer.encodes(encoding) else long_lines.joined(octets), encoding)
        if not plain.sound:
            self.opening.flaws.add(Flaw.ENCODING_BROKEN)
        return plain

    def _octets(self, part: Part) -> bytes:
        plain = transfer.decode(self.opening.message[part.start : part.end], part.value("content-transfer-encoding"))
        if not plain.sound:
            self.opening.flaws.add(Flaw.ENCODING_BROKEN)
        return plain.octets

    def _attachment(self, part: Part) -> Attachment:
        kind, disposition = part.content_type.word, kinds.disposition(part).word
        content_id = encoded_words.decode(own_id(part.value("content-id")))
        return Attachment(
            name=kinds.name(part),
            content_type=kind if kinds.TYPE.fullmatch(kind) else "application/octet-stream",
            content_id=content_id,
            octets=self.opening.message[part.begin : part.end] if part.unopened else self._octets(part),
            inline=disposition == "inline" or (bool(content_id) and disposition != "attachment"),
        )


def _below(rest: str, text: Text) -> str:
    """Return lines as they are written below a text."""
    if text is Text.HTML and not _END_TAG.search(rest):
        return f"\n<pre>{html.escape(rest, quote=False)}</pre>\n"
    return f"\n{rest}\n"


def _alternatives(pieces: list[Piece]) -> list[Piece]:
    """Join all plain texts and all HTML of a multipart/alternative into one piece."""
    plain = [piece.plain for piece in pieces if piece.plain is not None]
    page = [piece.html for piece in pieces if piece.html is not None]
    if not plain and not page:
        return []
    return [Piece("\n".join(plain) if plain else None, "\n".join(page) if page else None)]
