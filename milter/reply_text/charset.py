"""Decode octets to text. Every sequence of octets gives some text, whatever charset the message declares."""

import codecs
import re
from typing import NamedTuple

from reply_text import charset_names, iso2022
from reply_text.charset_names import ASCII, SINGLE, UNREAD, UTF_8, WIDE

_JAPANESE = "iso2022_jp"
_NO_CHARSET = frozenset({UTF_8, ASCII, *UNREAD})  # octets that do not fit them are guessed one by one


class Decoded(NamedTuple):
    """Text. ``certain``: all octets are valid in the charset that was used."""

    text: str
    certain: bool


def decode(octets: bytes, *declared: str) -> Decoded:
    """Decode with the first known of the ``declared`` charsets, or with one that matches better.

    Never raises; linear in ``octets``. Seven bits with escape sequences of ISO-2022 are read as that, whatever was
    declared. Valid UTF-8 is read as UTF-8, except where a charset with several octets per character is declared,
    because that could be chance. Octets that match no charset are read as Windows-1252, the others as they are. Line
    ends become LF; NUL and lone surrogates become U+FFFD; a byte order mark is removed.
    """
    codec, *others = charset_names.codecs_of(declared) or [UTF_8]
    if iso2022.is_marked(octets):
        return _iso2022(octets, codec)
    text = _first(_candidates(codec, octets), octets)
    if text is not None:
        return Decoded(_clean(text), codec not in UNREAD or UNREAD[codec] not in octets)
    text = _first(others, octets)
    return Decoded(_clean(_guessed(octets, codec) if text is None else text), False)


def _iso2022(octets: bytes, codec: str) -> Decoded:
    """Decode what holds escape sequences. Python's codecs of rarer sets are asked first, where one is declared."""
    rarer = ["iso2022_kr"] if iso2022.is_korean(octets) else [codec] * codec.startswith(f"{_JAPANESE}_")
    text = _first(rarer, octets)
    read, certain = iso2022.decode(octets) if text is None else (text, True)
    return Decoded(_clean(read), certain)


def _first(candidates: list[str], octets: bytes) -> str | None:
    """Return the text in the first codec in which all octets are valid; None if there is none."""
    for candidate in candidates:
        try:
            return octets.decode(candidate)
        except UnicodeDecodeError:
            pass
    return None


def _candidates(codec: str, octets: bytes) -> list[str]:
    """Return the codecs to try, the likeliest first."""
    if codec == UTF_8 and octets[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ["utf_16"]
    if codec in UNREAD or codec in (UTF_8, _JAPANESE):
        return [UTF_8]
    if codec in SINGLE or octets.startswith(codecs.BOM_UTF8) or (codec in WIDE and b"\0" not in octets):
        return [UTF_8, codec]
    return [codec, UTF_8]


def _guessed(octets: bytes, codec: str) -> str:
    """Decode octets that are not valid in what was declared."""
    if codec in _NO_CHARSET:
        return octets.decode("utf-8", _REST_AS_CP1252)
    if codec == _JAPANESE:  # eight bits: some programs declare the one charset of Japan, and write another
        other = None if b"\x1b" in octets else _first(["euc_jp", "cp932"], octets)
        return iso2022.decode(octets)[0] if other is None else other
    return octets.decode(codec, "replace")


def _clean(text: str) -> str:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


_REST_AS_CP1252 = "reply-milter-cp1252"
codecs.register_error(_REST_AS_CP1252, _as_cp1252)
