"""Charset names as messages spell them, and the codecs that read what is declared by them.

Strangers choose the names, so they are looked up in the tables below: ``codecs.lookup`` would import modules by them,
remember each unknown name for ever, and offer codecs that are not charsets.
"""

import re
from collections.abc import Iterable
from encodings.aliases import aliases

# Codecs that decode in linear time, by Python's names.
SINGLE = frozenset(
    {
        "ascii", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
        "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16", "tis_620",
        "cp437", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863",
        "cp864", "cp865", "cp866", "cp869", "cp874", "cp1006", "cp1125", "cp1250", "cp1251", "cp1252", "cp1253",
        "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r", "koi8_t", "koi8_u", "kz1048", "ptcp154",
        "mac_roman", "mac_cyrillic", "mac_greek", "mac_latin2", "mac_turkish", "mac_iceland",
    }
)  # fmt: skip
MULTIPLE = frozenset(
    {
        "big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_jis_2004", "euc_kr", "gb2312", "gbk", "gb18030",
        "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext", "iso2022_kr", "johab",
        "shift_jis", "shift_jisx0213",
    }
)  # fmt: skip
WIDE = frozenset({"utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"})
UTF_8 = "utf-8"
ASCII = "cp1252"  # what us-ascii is read as
# Charsets that are not decoded, and what a text has if it makes use of them: no mail program of this century writes
# them, and they can spell any ASCII text in a second way.
UNREAD = {"utf_7": b"+", "hz": b"~{"}

# Text declared as the left is decoded as the right, its superset (as in the WHATWG's encoding standard).
_IN_PRACTICE = {
    "latin_1": "cp1252", "iso8859_9": "cp1254", "iso8859_11": "cp874", "tis_620": "cp874", "gb2312": "gb18030",
    "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "big5": "big5hkscs", "iso2022_jp_1": "iso2022_jp",
    "iso2022_jp_ext": "iso2022_jp",
}  # fmt: skip
_MORE_NAMES = {
    "ansi": "cp1252", "ansix341968": "ascii", "windows874": "cp874", "xgbk": "gbk", "xsjis": "shift_jis",
    "xeucjp": "euc_jp", "xmacroman": "mac_roman", "macintosh": "mac_roman", "iso88598i": "iso8859_8",
    "ksc56011987": "euc_kr", "ksc5601": "euc_kr", "windows31j": "cp932", "hz": "hz", "hzgb": "hz", "hzgb2312": "hz",
}  # fmt: skip
_CHARACTERS = 64  # of a name

_NO_NAME = re.compile(r"[^a-z0-9]")
_SEPARATOR = re.compile(r"[;,\s]")
_REPEATED = re.compile(r"(?:charset)+(?=.)")
_CODE_PAGE = re.compile(r"(?:x|cs|ms|microsoft|windows|win|cp|ansi|ibm|dos|oem)*(\d{3,4})")
_ISO_8859 = re.compile(r"(?:x|cs|iso)*8859(1[0-6]|[1-9])")
_JAPANESE = re.compile(r"iso2022jp|(?<!\d)5022[0-2](?!\d)")


def codecs_of(names: Iterable[str]) -> list[str]:
    """Return the codecs of the known names, in order. US-ASCII comes last: programs write it without looking.

    The codec is Python's name, or one of ``UTF_8`` and ``UNREAD``.
    """
    known = [found for found in map(_codec, names) if found]
    read_as = [_IN_PRACTICE.get(codec, codec) for codec in known if codec != "ascii"]
    return read_as + [ASCII] * ("ascii" in known)


def _codec(name: str) -> str:
    """Return the codec of a name; empty for an unknown one."""
    spelled = name[:_CHARACTERS].strip().lower()
    whole, first = _plain(spelled), _plain(_SEPARATOR.split(spelled)[0])
    return _NAMES.get(whole) or _NAMES.get(first) or _mended(first) or _mended(whole)


def _mended(plain: str) -> str:
    """Return the codec of a name with what programs put before it, once or twice: ``win-1251``, ``charset=cp-866``."""
    bare = _REPEATED.sub("", plain).removeprefix("x")
    page, part = _CODE_PAGE.fullmatch(bare), _ISO_8859.fullmatch(bare)
    if page or part:
        bare = f"cp{page[1]}" if page else f"iso8859{part[1]}" if part else ""
    if found := _NAMES.get(bare):
        return found
    if _JAPANESE.search(bare):
        return "iso2022_jp"
    return UTF_8 if "utf8" in bare else "utf_7" if "utf7" in bare else ""


def _plain(name: str) -> str:
    return _NO_NAME.sub("", name)


_NAMES = {
    _plain(name): codec
    for name, codec in (*aliases.items(), *((codec, codec) for codec in SINGLE | MULTIPLE | WIDE))
    if codec in SINGLE | MULTIPLE | WIDE
} | _MORE_NAMES
