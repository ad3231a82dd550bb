"""Decide which parts are the text, and which are attachments."""

import re
from collections import Counter
from dataclasses import dataclass, field

from reply_text import charset, encoded_words, flowed, lines, parameters, transfer
from reply_text.limits import Limits
from reply_text.parts import Part
from reply_text.syntax.message_ids import own_id
from reply_text.values import Attachment, Flaw

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}", re.ASCII)
_NAME_CHARACTERS = 255
_WIDEST = 4  # the most octets of a character, in any charset


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of the text, as it came: plain, or HTML, or both with the same content."""

    plain: str | None = None
    html: str | None = None


@dataclass(slots=True)
class Sorting:
    """Sorts the parts of one message into text and attachments."""

    message: bytes
    limits: Limits
    flaws: set[Flaw]
    attachments: list[Attachment] = field(default_factory=list)
    _taken: Counter[Flaw] = field(default_factory=Counter)

    def pieces(self, part: Part) -> list[Piece]:
        """Return the text of ``part`` in order. Other parts go to ``attachments``.

        Of a multipart/alternative, plain text and HTML are one piece (RFC 2046 section 5.1.4). All other multiparts
        are read one part after the other.
        """
        if not part.children:
            return self._leaf(part)
        found = [piece for child in part.children for piece in self.pieces(child)]
        return _alternatives(found) if part.content_type.word == "multipart/alternative" else found

    def _leaf(self, part: Part) -> list[Piece]:
        kind = _body_type(part)
        if kind == "text/plain":
            text = self._text(part, self.limits.text_characters, Flaw.TEXT_CUT)
            return [Piece(plain=flowed.undone(text, part.content_type.parameters))]
        if kind == "text/html":
            return [Piece(html=self._text(part, self.limits.html_characters, Flaw.HTML_CUT))]
        self.attachments.append(self._attachment(part))
        return []

    def _text(self, part: Part, limit: int, cut: Flaw) -> str:
        """Decode the text of ``part``, up to ``limit`` characters for all texts of its kind."""
        octets = self._octets(part)
        limit -= self._taken[cut]
        text, certain = charset.decode(octets[: limit * _WIDEST], part.content_type.parameters.get("charset", ""))
        if not certain:
            self.flaws.add(Flaw.CHARSET_GUESSED)
        if len(text) > limit or len(octets) > limit * _WIDEST:
            self.flaws.add(cut)
        kept = lines.cut(text, limit)
        self._taken[cut] += len(kept)
        return kept

    def _octets(self, part: Part) -> bytes:
        plain = transfer.decode(self.message[part.start : part.end], part.value("content-transfer-encoding"))
        if not plain.sound:
            self.flaws.add(Flaw.ENCODING_BROKEN)
        return plain.octets

    def _attachment(self, part: Part) -> Attachment:
        disposition = parameters.parse(part.value("content-disposition"))
        kind = part.content_type.word
        content_id = encoded_words.decode(own_id(part.value("content-id")))
        return Attachment(
            name=_file_name(disposition.parameters.get("filename") or part.content_type.parameters.get("name", "")),
            content_type=kind if _TYPE.fullmatch(kind) else "application/octet-stream",
            content_id=content_id,
            octets=self.message[part.begin : part.end] if part.unopened else self._octets(part),
            inline=disposition.word == "inline" or (bool(content_id) and disposition.word != "attachment"),
        )


def _body_type(part: Part) -> str:
    """Return ``text/plain`` or ``text/html`` for a part that is read as text, else empty.

    A part with a file name is an attachment (Apple Mail sends text files as inline). A multipart without parts, and a
    part whose type can't be read, are plain text, because they may hold the author's words.
    """
    disposition = parameters.parse(part.value("content-disposition"))
    named = "filename" in disposition.parameters or "name" in part.content_type.parameters
    if disposition.word == "attachment" or named:
        return ""
    kind = part.content_type.word
    if part.is_multipart:
        return "" if part.unopened else "text/plain"
    if kind in ("text/plain", "text/html"):
        return kind
    return "text/plain" if kind == "text" or not _TYPE.fullmatch(kind) else ""


def _alternatives(pieces: list[Piece]) -> list[Piece]:
    """Join all plain texts and all HTML of a multipart/alternative into one piece."""
    plain = [piece.plain for piece in pieces if piece.plain is not None]
    html = [piece.html for piece in pieces if piece.html is not None]
    if not plain and not html:
        return []
    return [Piece("\n".join(plain) if plain else None, "\n".join(html) if html else None)]


def _file_name(name: str) -> str:
    """Return the last step of a path, without control characters."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()[:_NAME_CHARACTERS]
    return "" if printable in (".", "..") else printable
