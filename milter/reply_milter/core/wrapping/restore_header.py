"""Read the header of a reply before it is written anew. What is odd enough to be read in two ways is not read."""

import unicodedata
from dataclasses import dataclass

from reply_milter.core.mail import domain, headers
from reply_milter.core.rules.auto_reply import Fields
from reply_milter.core.rules.message import Message
from reply_milter.core.wrapping.restore_ids import HoldsKey
from reply_milter.core.wrapping.restore_lines import folded, words_of
from reply_text import encoded_words
from reply_text.syntax.mailbox import Mailbox, named
from reply_text.syntax.message_file import split

_CONTROLS = bytes(octet for octet in range(32) if octet not in b"\t\r\n") + b"\x7f"
_NAME_CHARACTERS = 64
_LOOKED_AT = 1024  # characters of a display name
_IN_NAMES = frozenset(" .'-")
_OF_ADDRESSES = frozenset('@<>:;"\\=?')  # a name with one of these may be read as an address, now or once decoded


@dataclass(frozen=True, slots=True)
class Header:
    """``fields``: values by name in lower case. ``line_end``: as the message has it. ``author``: the one in From."""

    fields: Fields
    author: Mailbox
    line_end: bytes
    body: bytes

    def first(self, name: str) -> str:
        """The first value of a field on one line; an empty text if there is none."""
        values = self.fields.get(name)
        return " ".join(values[0].split("\n")).strip() if values else ""


def read_header(message: bytes) -> Header | str:
    """Read a message, or say why its header can't be trusted to be read alike by everybody."""
    written, body = split(message)
    line_end = b"\r\n" if b"\r\n" in message[: len(message) - len(body)] else b"\n"
    if _is_odd(message[: len(message) - len(body)], line_end):
        return "a control character stands in its header"
    fields: dict[str, list[str]] = {}
    for name, value in written:
        fields.setdefault(name.lower(), []).append(value)
    judged = Message(False, fields, len(written), 0, len(message))
    if headers.are_doubled(judged.fields) or len(fields.get("from", ())) != 1 or not judged.author:
        return "it has no single author, or names itself twice"
    if not _is_plain(judged.author):
        return "its author's address is not plain"
    return Header(judged.fields, Mailbox(named(fields["from"][0])[0].name, judged.author), line_end, body)


def author_field(author: Mailbox, holds_key: HoldsKey) -> str:
    """Write From. A display name stays if it consists of words and no key, so that it reads as nothing but a name."""
    shown = _display_name(author.name)
    if not shown or holds_key(shown):
        return f"From: {author_address(author)}"
    return folded("From", [*([f'"{shown}"'] if shown.isascii() else words_of(shown)), f"<{author_address(author)}>"])


def author_address(author: Mailbox) -> str:
    """The author's address in ASCII, its domain as it is looked up."""
    local, _, name = author.address.rpartition("@")
    return f"{local}@{name if name.isascii() else domain.to_ascii(name)}"


def is_plain_address(address: str) -> bool:
    """Whether ``address`` is a Dot-string at a host name (RFC 5321 section 4.1.2), and no part of an encoded word."""
    local, _, name = address.rpartition("@")
    labels = name.removesuffix(".").split(".")
    host = all(label.replace("-", "").replace("_", "").isalnum() for label in labels)
    return "=?" not in address and domain.is_dot_string(local) and name.isascii() and host


def _is_plain(author: str) -> bool:
    local, _, name = author.rpartition("@")
    ascii_name = name if name.isascii() else domain.to_ascii(name)
    return len(author) <= domain.ADDRESS_OCTETS and bool(ascii_name) and is_plain_address(f"{local}@{ascii_name}")


def _is_odd(header: bytes, line_end: bytes) -> bool:
    """Whether it holds a control character, or a CR or LF outside its line ends."""
    rest = header.replace(line_end, b"")
    return b"\r" in rest or b"\n" in rest or len(rest.translate(None, _CONTROLS)) != len(rest)


def _display_name(name: str) -> str:
    """The name as a reader shows it, with blanks for marks; empty if it might hold an address."""
    decoded = encoded_words.decode(name[:_LOOKED_AT])
    shown = unicodedata.normalize("NFKC", decoded)
    if _OF_ADDRESSES & set(shown) or any(unicodedata.category(character)[0] == "C" for character in shown):
        return ""
    kept = "".join(character if _is_of_a_name(character) else " " for character in shown)
    words = " ".join(kept.split())
    return words if len(words) <= _NAME_CHARACTERS else ""


def _is_of_a_name(character: str) -> bool:
    return character in _IN_NAMES or unicodedata.category(character)[0] in "LMN"
