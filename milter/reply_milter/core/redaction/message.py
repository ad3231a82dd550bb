"""Remove our reply addresses from a message that stays a message, for handlers that pass on octets."""

import binascii
import re
from collections.abc import Iterator

from reply_milter.core.redaction import text
from reply_milter.core.token.address import AddressForm
from reply_text import transfer
from reply_text.limits import Limits
from reply_text.parts import Opening, Part

_STANDARD = Limits()
_OPEN = re.compile(r"text/|message/|$")  # types whose octets may be searched
_ENCODED = frozenset({"base64", "quoted-printable"})
_BASE64_LINE = 57  # octets per line of 76 characters


def redact_message(message: bytes, form: AddressForm, limits: Limits = _STANDARD) -> bytes:
    """Make our reply addresses in ``message`` useless: each letter of their extension becomes an ``x``.

    Covered: all header fields, those of parts included, and text parts in any transfer encoding; in an attached
    message, what is not encoded again. Lengths stay, except for the line breaks of an encoded part that changes.

    Not covered: encoded words (a display name in base64), text in UTF-16 or UTF-32, other attachments, and all of a
    ``multipart/signed`` or ``multipart/encrypted``, whose signature would break.

    A changed body or field no longer matches the verdict's body digest and DKIM signatures: check them before. A
    program that reads the token from To or Delivered-To needs the message as it came.
    """
    pattern = re.compile(text.pattern(form).pattern.encode(), re.IGNORECASE)
    root = Opening(message, limits).root()
    return b"".join(_changed(message, root, pattern))


def _changed(message: bytes, root: Part, pattern: re.Pattern[bytes]) -> Iterator[bytes]:
    """Yield the message in pieces: headers and delimiters between leaves, then the leaf."""
    position = 0
    for part in _untouchable_or_leaf(root):
        yield _blotted(message[position : part.start], pattern)
        yield _leaf(message[part.start : part.end], part, pattern)
        position = part.end
    yield _blotted(message[position:], pattern)


def _untouchable_or_leaf(part: Part) -> Iterator[Part]:
    if not part.children or _sealed(part):
        yield part
        return
    for child in part.children:
        yield from _untouchable_or_leaf(child)


def _sealed(part: Part) -> bool:
    return part.content_type.word in ("multipart/signed", "multipart/encrypted")


def _leaf(octets: bytes, part: Part, pattern: re.Pattern[bytes]) -> bytes:
    if _sealed(part) or not (_OPEN.match(part.content_type.word) or part.is_multipart):
        return octets
    encoding = part.value("content-transfer-encoding").strip().lower()
    if encoding not in _ENCODED:
        return _blotted(octets, pattern)
    plain = transfer.decode(octets, encoding)
    changed = _blotted(plain.octets, pattern)
    if changed == plain.octets or not plain.sound:
        return octets
    line_end = b"\r\n" if b"\r\n" in octets else b"\n"
    if encoding == "base64":
        lines = range(0, len(changed), _BASE64_LINE)
        return b"".join(binascii.b2a_base64(changed[at : at + _BASE64_LINE], newline=False) + line_end for at in lines)
    return binascii.b2a_qp(changed, istext=True)


def _blotted(octets: bytes, pattern: re.Pattern[bytes]) -> bytes:
    """Replace by ``x``, which is not a hex digit, so that no token remains. A second pass changes nothing."""

    def blot(found: re.Match[bytes]) -> bytes:
        kept = found["prefix"] or found["bare"] or b""
        return kept + b"x" * (len(found[0]) - len(kept))

    return pattern.sub(blot, octets)
