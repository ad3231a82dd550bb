"""Read a message from octets to values: one pass for its structure, then each text."""

from collections.abc import Callable
from dataclasses import replace

from reply_text import encoded_words, html_text, lines, stripping, words
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
    sorting = Sorting(message, limits, opening.flaws)
    pieces = sorting.pieces(root)
    fields = _fields(root, limits, opening.flaws)
    subject = encoded_words.decode(root.value("subject"))
    shown = _lines(pieces)
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
        attachments=tuple(sorting.attachments),
        flaws=frozenset(opening.flaws),
    )
    return _redacted(content, redact), source, stripped


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
    found = [mailbox for known, value in root.fields if known.lower() == name for mailbox in named(value)]
    return tuple(
        Mailbox(encoded_words.decode(mailbox.name), encoded_words.plain(mailbox.address))
        for mailbox in found[:_MAILBOXES]
    )


def _lines(pieces: list[Piece]) -> list[Line]:
    """Return the whole text: plain text if there is any, else rendered HTML."""
    shown: list[Line] = []
    for piece in pieces:
        if piece.html and not (piece.plain or "").strip():
            shown += html_text.render(piece.html)
        else:
            shown += lines.of_text(piece.plain or "")
    return shown


def _stripped(
    pieces: list[Piece], shown: list[Line], marker: str, forwarding: bool, subject: str
) -> tuple[list[Line], Stripped]:
    """Return the author's own text, found in the text, or in its HTML if only that marks quotes; and all lines."""
    by_text = stripping.strip(shown, marker, forwarding, subject)
    if by_text.found or len(pieces) != 1 or not pieces[0].html or not (pieces[0].plain or "").strip():
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
