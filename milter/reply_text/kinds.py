"""Say what a part is, by its type, name and disposition: text to read, a file, or something that nobody can read."""

import re
from enum import Enum, auto

from reply_text import parameters
from reply_text.parts import Part

TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}", re.ASCII)
_NAME_CHARACTERS = 255


class Text(Enum):
    """How the text of a part is written."""

    PLAIN = auto()
    HTML = auto()
    ENRICHED = auto()


_BODIES = {"text/plain": Text.PLAIN, "text/html": Text.HTML}
# Types that hold the author's words if no other part does. Markdown is made to be read as it stands.
_TEXTS = _BODIES | {
    "text/markdown": Text.PLAIN, "text/x-markdown": Text.PLAIN, "text/x-web-markdown": Text.PLAIN,
    "text/enriched": Text.ENRICHED, "text/richtext": Text.ENRICHED,
}  # fmt: skip
_SIGNED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
# Encrypted parts, and Microsoft's own format, for which no library is kept.
_UNREADABLE = frozenset(
    {"multipart/encrypted", "application/pgp-encrypted", "application/ms-tnef", "application/vnd.ms-tnef"}
)
_UNREADABLE_NAMES = frozenset({"winmail.dat", "win.dat"})
_ARMOUR = re.compile(r"\s{0,99}-----BEGIN PGP MESSAGE-----")


def body(part: Part) -> Text | None:
    """Return how the text of ``part`` is written; None for an attachment.

    A part with a file name is an attachment (Apple Mail sends text files as inline). A multipart without parts, and a
    part whose type can't be read, are plain text, because they may hold the author's words.
    """
    if disposition(part).word == "attachment" or _is_named(part):
        return None
    kind = part.content_type.word
    if part.is_multipart:
        return None if part.unopened else Text.PLAIN
    if kind in _BODIES:
        return _BODIES[kind]
    return Text.PLAIN if kind == "text" or not TYPE.fullmatch(kind) else None


def named_text(part: Part) -> Text | None:
    """Return how the text of an attachment is written, if it could be the body; else None."""
    return _TEXTS.get(part.content_type.word)


def is_signed(part: Part) -> bool:
    """Whether an S/MIME signature may enclose the content (RFC 8551 section 3.9)."""
    return part.content_type.word in _SIGNED or (_is_octets(part) and name(part).lower().endswith(".p7m"))


def is_unreadable(part: Part) -> bool:
    """Whether the part is encrypted, or TNEF."""
    return part.content_type.word in _UNREADABLE or (_is_octets(part) and name(part).lower() in _UNREADABLE_NAMES)


def is_armour(text: str) -> bool:
    """Whether a text begins with a message that PGP encrypted (RFC 9580 section 6.2)."""
    return _ARMOUR.match(text) is not None


def disposition(part: Part) -> parameters.Value:
    """Return its Content-Disposition."""
    return parameters.parse(part.value("content-disposition"))


def name(part: Part) -> str:
    """Return its file name, the last step of a path without control characters; empty if it has none."""
    given = disposition(part).parameters.get("filename") or part.content_type.parameters.get("name", "")
    last = re.split(r"[/\\]", given)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()[:_NAME_CHARACTERS]
    return "" if printable in (".", "..") else printable


def _is_named(part: Part) -> bool:
    return "filename" in disposition(part).parameters or "name" in part.content_type.parameters


def _is_octets(part: Part) -> bool:
    return part.content_type.word == "application/octet-stream"
