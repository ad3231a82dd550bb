"""Decode octets to text. Every sequence of octets gives some text, whatever charset the message declares.

Strangers choose the names, so they are looked up in the tables below: ``codecs.lookup`` would import modules by them,
remember each unknown name for ever, and offer codecs that are not charsets.
"""

import codecs
import re
from encodings.aliases import aliases
from typing import NamedTuple

# Codecs that decode in linear time, by Python's names. UTF-7, HZ and punycode are missing: no mail program of this
# century writes them, and they can spell any ASCII text in a second way.
_SINGLE = frozenset(
    {
        "ascii", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
        "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16", "tis_620",
        "cp437", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863",
        "cp864", "cp865", "cp866", "cp869", "cp874", "cp1006", "cp1125", "cp1250", "cp1251", "cp1252", "cp1253",
        "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r", "koi8_t", "koi8_u", "kz1048", "ptcp154",
        "mac_roman", "mac_cyrillic", "mac_greek", "mac_latin2", "mac_turkish", "mac_iceland",
    }
)  # fmt: skip
_MULTIPLE = frozenset(
    {
        "big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_jis_2004", "euc_kr", "gb2312", "gbk", "gb18030",
        "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext", "iso2022_kr", "johab",
        "shift_jis", "shift_jisx0213",
    }
)  # fmt: skip
_WIDE = frozenset({"utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"})

# Text declared as the left is decoded as the right, its superset (as in the WHATWG's encoding standard).
_IN_PRACTICE = {
    "ascii": "cp1252", "latin_1": "cp1252", "iso8859_9": "cp1254", "iso8859_11": "cp874", "tis_620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "big5": "big5hkscs",
}  # fmt: skip
_MORE_NAMES = {
    "ansi": "cp1252", "ansix341968": "ascii", "windows874": "cp874", "xgbk": "gbk", "xsjis": "shift_jis",
    "xeucjp": "euc_jp", "xmacroman": "mac_roman", "macintosh": "mac_roman", "iso88598i": "iso8859_8",
    "ksc56011987": "euc_kr", "ksc5601": "euc_kr",
}  # fmt: skip


class Decoded(NamedTuple):
    """Text. ``certain``: all octets are valid in the charset that was used."""

    text: str
    certain: bool


def decode(octets: bytes, declared: str = "") -> Decoded:
    """Decode with the ``declared`` charset, or with one that matches better. Never raises; linear in ``octets``.

    Valid UTF-8 is read as UTF-8 whatever was declared, except where a charset with several octets per character is
    declared, because that could be chance. Octets that match no charset are read as Windows-1252, the others as they
    are. Line ends become LF; NUL and lone surrogates become U+FFFD; a byte order mark is removed.
    """
    codec = _codec(declared)
    for candidate in _candidates(codec, octets):
        try:
            return Decoded(_clean(octets.decode(candidate)), True)
        except UnicodeDecodeError:
            pass
    if codec in ("", "cp1252"):
        return Decoded(_clean(octets.decode("utf-8", _REST_AS_CP1252)), False)
    return Decoded(_clean(octets.decode(codec, "replace")), False)


def _candidates(codec: str, octets: bytes) -> list[str]:
    """Return the codecs to try, the likeliest first. ``codec`` is empty for UTF-8 and for unknown names."""
    if not codec:
        marked = octets[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        return ["utf_16"] if marked else ["utf-8"]
    if codec in _SINGLE or (codec in _WIDE and b"\0" not in octets):
        return ["utf-8", codec]
    return [codec, "utf-8"]


def _codec(name: str) -> str:
    """Return Python's name of a charset; empty for UTF-8 and for unknown names."""
    codec = _NAMES.get(_plain(name[:64]), "")
    return _IN_PRACTICE.get(codec, codec)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_NAMES = {
    _plain(name): codec
    for name, codec in (*aliases.items(), *((codec, codec) for codec in _SINGLE | _MULTIPLE | _WIDE))
    if codec in _SINGLE | _MULTIPLE | _WIDE
} | _MORE_NAMES


def _clean(text: str) -> str:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


_REST_AS_CP1252 = "reply-milter-cp1252"
codecs.register_error(_REST_AS_CP1252, _as_cp1252)
