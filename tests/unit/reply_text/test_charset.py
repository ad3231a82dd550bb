"""Octets to text."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import charset, charset_names


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
        (b"\x1b$B0\x1b(B\xff", "iso-2022-jp", "\ufffd\ufffd"),
        (b"\x1b$B)!\x1b(B", "iso-2022-jp", "\ufffd"),
        ("日本語".encode("cp932"), "iso-2022-jp", "日本語"),
        ("日本語".encode("euc_jp"), "iso-2022-jp", "日本語"),
        (b"\x1b$B@D\x1b(B \xb6\xc5", "iso-2022-jp", "青 ｶﾅ"),
        ("Grüße".encode("utf-7"), "utf-7", "Gr+APwA3w-e"),
        (b"~{6T~}", "hz-gb-2312", "~{6T~}"),
        (b"\x00\xd8a\0", "utf-16-le", "\ufffda"),
        (b"a\0\xff", "utf-16-le", "a\ufffd"),
    ],
)
def test_what_fits_nothing_is_guessed_octet_by_octet(octets: bytes, declared: str, text: str) -> None:
    """Nothing else is lost, and the result says that it is a guess."""
    assert charset.decode(octets, declared) == (text, False)


@pytest.mark.parametrize(
    "octets,declared,text",
    [
        (b"\x1b$B@D-!\x1b(B", "iso-2022-jp", "青①"),
        (b"\x1b$B@D-!\x1b(B", "utf-8", "青①"),
        (b"\x1b$B@D-!\x1b(B", "shift_jis", "青①"),
        (b"\x1b$B@D-!\x1b(B", "", "青①"),
        (b"\x1b$@@D\x1b(J\\~\x1b(B\\~", "cp50220", "青¥‾\\~"),
        (b"\x1b(I60\x1b(B\x0e60\x0fa", "cp50221", "ｶｰｶｰa"),
        (b"\x1b$B|b\x1b(B", "iso-2022-jp-ms", "髙"),
        (b"\x1b$B@D\n@D", "iso-2022-jp", "青\n@D"),
        (b"\x1b$B @D\t@D \x1b(Ba", "iso-2022-jp", " 青\t青 a"),
        ("〜日本語".encode("iso2022_jp"), "csISO2022JP", "～日本語"),
        ("丂日本語".encode("iso2022_jp_1"), "iso-2022-jp-1", "丂日本語"),
        ("한국어日本语é".encode("iso2022_jp_2"), "iso-2022-jp-2", "한국어日本语é"),
        ("한국어".encode("iso2022_jp_2"), "utf-8", "한국어"),
        ("日本语".encode("iso2022_jp_2"), "", "日本语"),
        ("한국어".encode("iso2022_kr"), "", "한국어"),
        ("𠂉俱".encode("iso2022_jp_2004"), "iso-2022-jp-2004", "𠂉俱"),
        (b"plain", "iso-2022-jp", "plain"),
        ("日本語".encode(), "iso-2022-jp", "日本語"),
        (b"pasted \x1b(Bfrom a terminal", "utf-8", "pasted from a terminal"),
    ],
)
def test_iso_2022_is_read_whatever_is_declared(octets: bytes, declared: str, text: str) -> None:
    """Seven bits and an escape sequence; with NEC's and IBM's characters, and half-width kana."""
    assert charset.decode(octets, declared) == (text, True)


@pytest.mark.parametrize("octets", [b"\x1b$)A\x0e6T\x0f", b"a\x1b[1mb", b"\x1b$B@D\x1b(0"])
def test_an_escape_sequence_of_another_kind_stays(octets: bytes) -> None:
    """A message reports it (``test_reading``)."""
    assert "\x1b" in charset.decode(octets, "iso-2022-jp").text


@pytest.mark.parametrize(
    "declared,text",
    [
        (("unknown-8bit", "koi8-r"), "пример"),
        (("us-ascii", "koi8-r"), "пример"),
        (("", "koi8-r"), "пример"),
        (("koi8-r", "windows-1251"), "пример"),
    ],
)
def test_the_first_charset_that_is_known_counts(declared: tuple[str, ...], text: str) -> None:
    """US-ASCII is written without looking."""
    assert charset.decode("пример".encode("koi8-r"), *declared) == (text, True)


def test_a_second_charset_is_better_than_a_guess() -> None:
    """Where the first does not fit. That is reported all the same."""
    assert charset.decode("пример".encode("cp1251"), "utf-8", "windows-1251") == ("пример", False)


@pytest.mark.parametrize(
    "names,codec",
    [
        ("win-1251 Win1251 cp-1251 x-cp1251 windows-cp1251 windows1251 charset=windows-1251 ms-1251", "cp1251"),
        ("charset=charset=windows-1251 windows-1251;format=flowed windows-1251,utf-8 cswindows1251", "cp1251"),
        ("iso-iso-8859-2 x-iso-8859-2 8859-2 iso8859-2 ISO_8859-2:1987", "iso8859_2"),
        ("iso-8859-1 us-ascii-not-it", "cp1252"),
        ("x-utf-8 utf8mb4 utf-8-sig unicode-1-1-utf-8 utf-8utf-8 charset=utf8", "utf-8"),
        ("iso-2022-jp-ms cp50220 cp50221 cp50222 x-windows-50221 x-windows-iso2022jp csISO2022JP", "iso2022_jp"),
        ("utf-7 unicode-1-1-utf-7 x-utf-7", "utf_7"),
        ("hz hz-gb-2312", "hz"),
        ("ms932 windows-31j cp932 x-ms932", "cp932"),
        ("dos-866 ibm866 cp-866", "cp866"),
        ("x-gbk gb2312 gb_2312-80", "gb18030"),
    ],
)
def test_names_are_known_as_programs_spell_them(names: str, codec: str) -> None:
    """With what stands before a number, once or twice, and what stands behind a name."""
    found = {name: charset_names.codecs_of([name]) for name in names.split()}
    assert {name: codecs for name, codecs in found.items() if codecs and codecs != [codec]} == {}
    assert [name for name, codecs in found.items() if not codecs] == [
        name for name in found if name == "us-ascii-not-it"
    ]


@pytest.mark.parametrize(
    "name", ["", "x", "charset", "1", "99999", "cp0000", "8859-12", "rot13", "hex", "idna", "zlib"]
)
def test_other_names_are_unknown(name: str) -> None:
    """They never reach ``codecs.lookup``."""
    assert charset_names.codecs_of([name]) == []


@given(st.binary(max_size=200), st.text(max_size=30) | st.sampled_from(sorted(charset_names._NAMES)))
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
