"""Octets to text."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import charset


@pytest.mark.parametrize(
    "octets,declared,text",
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "UTF8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        (b"\x93quoted\x94", "ISO-8859-1", "“quoted”"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "x-unknown", "Grüße"),
        ("Grüße".encode("latin-1"), "x-unknown", "Grüße"),
        ("пример".encode("koi8-r"), "KOI8-R", "пример"),
        ("пример".encode("cp1251"), "windows-1251", "пример"),
        ("日本語".encode("iso-2022-jp"), "ISO-2022-JP", "日本語"),
        ("日本語".encode("cp932"), "x-sjis", "日本語"),
        ("日本語".encode("gb18030"), "gb2312", "日本語"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("中文".encode("big5"), "Big5", "中文"),
        ("日本語".encode(), "shift_jis", "日本語"),
        ("ab".encode("utf-16"), "utf-16", "ab"),
        ("ab".encode("utf-16"), "", "ab"),
        (b"plain", "utf-16", "plain"),
        (codecs.BOM_UTF8 + b"a", "utf-8", "a"),
        (b"a\r\nb\rc\n", "us-ascii", "a\nb\nc\n"),
        (b"a\0b", "us-ascii", "a\ufffdb"),
        (b"+2AA-", "utf-7", "+2AA-"),
        (b"414243", "hex", "414243"),
        (b"abc", "rot13", "abc"),
        (b"xn--a", "punycode", "xn--a"),
        (b"abc", "utf-8\0", "abc"),
        (b"abc", "\u212aoi8", "abc"),
    ],
)
def test_text_is_read_as_its_author_wrote_it(octets: bytes, declared: str, text: str) -> None:
    """Right, wrong, missing and made-up declarations, and codecs that are no charsets."""
    assert charset.decode(octets, declared).text == text


@pytest.mark.parametrize(
    "octets,declared,text",
    [
        ("Grüße ".encode() + "Grüße".encode("cp1252"), "utf-8", "Grüße Grüße"),
        (b"caf\xe9", "utf-8", "café"),
        (b"a\x81b", "windows-1252", "a\ufffdb"),
        (b"a\x98b", "windows-1251", "a\ufffdb"),
        (b"\x1b$Bzz\xff", "iso-2022-jp", "\ufffd\ufffd"),
        (b"\x00\xd8a\0", "utf-16-le", "\ufffda"),
        (b"a\0\xff", "utf-16-le", "a\ufffd"),
    ],
)
def test_what_fits_nothing_is_guessed_octet_by_octet(octets: bytes, declared: str, text: str) -> None:
    """Nothing else is lost, and the result says that it is a guess."""
    assert charset.decode(octets, declared) == (text, False)


@given(st.binary(max_size=200), st.text(max_size=30) | st.sampled_from(sorted(charset._NAMES)))
def test_any_octets_in_any_charset_are_text(octets: bytes, declared: str) -> None:
    """Text that can be encoded again, without NUL and CR."""
    text = charset.decode(octets, declared).text
    text.encode()
    assert not set(text) & set("\0\r")


def test_unknown_names_are_not_remembered() -> None:
    """A stranger's charset names must not fill the interpreter's caches for ever."""
    import encodings

    charset.decode(b"abc", "never-heard-of-it")
    assert "never_heard_of_it" not in encodings._cache
