"""Read a message from octets to values: one pass for its structure, then each text."""

from collections.abc import Callable
from dataclasses import replace

from reply_text import charset, encoded_words, html_text, lines, stripping, visible, words
from reply_text.bodies import Piece, Sorting
from reply_text.limits import Limits
from reply_text.lines import Line
from reply_text.parts import Opening, Part
from reply_text.stripping import Stripped
from reply_text.syntax.mailbox import Mailbox, named
from reply_text.syntax.message_ids import own_id
from reply_text.values import Attachment, Content, Explanation, Flaw

_STANDARD = Limits()
_MAILBOXES = 64  # of one kind


def _unchanged(text: str) -> str:
    return text


def read(
    message: bytes, marker: str = "", limits: Limits = _STANDARD, redact: Callable[[str], str] = _unchanged
) -> Content:
    """Read ``message`` as an MTA hands it over, with any octets. Never raises; linear in ``message``.

    ``marker``: the line of notifications above which users write their replies; empty if there is none. ``redact``:
    takes out of a text what nobody may read; idempotent and linear. All strings of the result have passed it.
    """
    return _read(message, marker, limits, redact)[0]


def explain(message: bytes, marker: str = "", limits: Limits = _STANDARD) -> Explanation:
    """Read ``message`` as ``read`` does, and say what each line of its text was taken for. Nothing is redacted."""
    content, source, stripped = _read(message, marker, limits, _unchanged)
    kinds = stripped.taken.kinds(len(source))
    return Explanation(content, tuple(zip(kinds, (line.text for line in source), strict=True)))


def _read(
    message: bytes, marker: str, limits: Limits, redact: Callable[[str], str]
) -> tuple[Content, list[Line], Stripped]:
    opening = Opening(message, limits)
    root = opening.root()
    pieces, shown, attachments = _body(opening, root)
    fields = _fields(root, limits, opening.flaws)
    subject = encoded_words.decode(root.value("subject"))
    source, stripped = _stripped(pieces, shown, marker, words.FORWARDING.match(subject) is not None, subject)

    def kept(text: str, limit: int, flaw: Flaw) -> str:
        """Redact, then cut: what replaces a secret may be longer."""
        redacted = redact(lines.cut(text, limit))
        if max(len(text), len(redacted)) > limit:
            opening.flaws.add(flaw)
        return redacted[:limit]

    content = Content(
        author=next(iter(_mailboxes(root, "from")), Mailbox("", "")),
        to=_mailboxes(root, "to"),
        cc=_mailboxes(root, "cc"),
        reply_to=_mailboxes(root, "reply-to"),
        subject=subject,
        date=encoded_words.decode(root.value("date")),
        message_id=own_id(encoded_words.plain(root.value("message-id"))),
        text=kept(lines.text_of(shown), limits.text_characters, Flaw.TEXT_CUT),
        html=kept("\n".join(piece.html for piece in pieces if piece.html), limits.html_characters, Flaw.HTML_CUT),
        stripped=kept(stripped.text, limits.text_characters, Flaw.TEXT_CUT),
        fields=fields,
        attachments=tuple(attachments),
        flaws=frozenset(opening.flaws),
    )
    return _redacted(_with_escapes_reported(content), redact), source, stripped


def _body(opening: Opening, root: Part) -> tuple[list[Piece], list[Line], list[Attachment]]:
    """Return the text, the same as lines, and what is attached.

    If no part of the text shows a word, a text among the attachments may be the body.
    """
    sorting = Sorting(opening)
    pieces = sorting.pieces(root)
    shown = _lines(pieces)
    if _is_blank(shown):
        pieces = [piece for piece in pieces if piece.html] + sorting.instead() or pieces
        shown = _lines(pieces)
        if sorting.attachments and _is_blank(shown):
            opening.flaws.add(Flaw.TEXT_ELSEWHERE)
    return pieces, shown, sorting.attachments


def _is_blank(shown: list[Line]) -> bool:
    return all(visible.is_blank(line.text) for line in shown)


def _with_escapes_reported(content: Content) -> Content:
    """Add a flaw if an escape character is left: it belongs to a charset that could not be read."""
    people = (content.author, *content.to, *content.cc, *content.reply_to)
    names = [text for mailbox in people for text in (mailbox.name, mailbox.address)]
    values = [value for _, value in content.fields]
    shown = (content.text, content.html, content.subject, content.date, content.message_id, *names, *values)
    if not any("\x1b" in text for text in shown):
        return content
    return replace(content, flaws=content.flaws | {Flaw.CHARSET_GUESSED})


def _fields(root: Part, limits: Limits, flaws: set[Flaw]) -> tuple[tuple[str, str], ...]:
    """Decode the header, up to the limits."""
    fields: list[tuple[str, str]] = []
    room = limits.field_octets
    for name, value in root.fields:
        room -= len(name) + len(value)
        if room < 0 or len(fields) == limits.fields:
            flaws.add(Flaw.FIELDS_CUT)
            break
        fields.append((name, encoded_words.decode(value)))
    return tuple(fields)


def _mailboxes(root: Part, name: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of all fields of one name. Parses first, then decodes names (RFC 2047 section 6.2)."""
    found = [mailbox for known, value in root.fields if known.lower() == name for mailbox in _named(value)]
    return tuple(
        Mailbox(encoded_words.decode(mailbox.name), encoded_words.plain(mailbox.address))
        for mailbox in found[:_MAILBOXES]
    )


def _named(value: str) -> list[Mailbox]:
    """Return mailboxes with names. In ISO-2022, half a character may look like a bracket or a comment.

    A name that is read so must not bring other addresses with it than the rules found, which read octets.
    """
    found = named(value)
    if "\x1b" not in value:
        return found
    readable = named(charset.decode(encoded_words.octets_of(value)).text)
    same = [mailbox.address for mailbox in readable] == [mailbox.address for mailbox in found]
    return readable if same or not found else found


def _lines(pieces: list[Piece]) -> list[Line]:
    """Return the whole text: plain text if there is any, else rendered HTML."""
    return [line for piece in pieces for line in _shown(piece)]


def _shown(piece: Piece) -> list[Line]:
    plain = piece.plain or ""
    if piece.html and visible.may_be_notice(plain):
        page = html_text.render(piece.html)
        if visible.is_notice(plain, lines.text_of(page)):
            return page
    return lines.of_text(plain) if piece.plain is not None else []


def _stripped(
    pieces: list[Piece], shown: list[Line], marker: str, forwarding: bool, subject: str
) -> tuple[list[Line], Stripped]:
    """Return the author's own text, found in the text, or in its HTML if only that marks quotes; and all lines."""
    by_text = stripping.strip(shown, marker, forwarding, subject)
    if by_text.found or len(pieces) != 1 or not pieces[0].html or visible.is_blank(pieces[0].plain or ""):
        return shown, by_text
    rendered = html_text.render(pieces[0].html)
    by_html = stripping.strip(rendered, marker, forwarding, subject)
    return (rendered, by_html) if by_html.found and by_html.text else (shown, by_text)


def _redacted(content: Content, redact: Callable[[str], str]) -> Content:
    """Redact all other strings. Octets of attachments stay."""

    def mailboxes(values: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
        return tuple(Mailbox(redact(value.name), redact(value.address)) for value in values)

    def attachment(value: Attachment) -> Attachment:
        return replace(value, name=redact(value.name), content_id=redact(value.content_id))

    return replace(
        content,
        author=mailboxes((content.author,))[0],
        to=mailboxes(content.to),
        cc=mailboxes(content.cc),
        reply_to=mailboxes(content.reply_to),
        subject=redact(content.subject),
        date=redact(content.date),
        message_id=redact(content.message_id),
        fields=tuple((redact(name), redact(value)) for name, value in content.fields),
        attachments=tuple(map(attachment, content.attachments)),
    )
