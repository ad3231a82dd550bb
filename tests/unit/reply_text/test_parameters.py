"""Content-Type and Content-Disposition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text import parameters


@pytest.mark.parametrize(
    "value,word,given_parameters",
    [
        (" text/plain", "text/plain", {}),
        (' Text/Plain; Charset="utf-8"', "text/plain", {"charset": "utf-8"}),
        (" text/plain (a comment); charset=us-ascii", "text/plain", {"charset": "us-ascii"}),
        (' x/y; name="a;b\\"c.txt"; size=3', "x/y", {"name": 'a;b"c.txt', "size": "3"}),
        (" attachment; filename*=utf-8''%e2%82%ac.txt", "attachment", {"filename": "€.txt"}),
        (" a; n*0*=utf-8'en'%c3; n*1*=%bc; n*2=x", "a", {"n": "üx"}),
        (' a; n*1="b"; n*0="a"', "a", {"n": "ab"}),
        (' a; name="=?utf-8?b?w7w=?="', "a", {"name": "ü"}),
        (" a; name=two words.pdf", "a", {"name": "two words.pdf"}),
        (" a; name=x; name=y", "a", {"name": "x"}),
        (' a; name="never closed', "a", {"name": "never closed"}),
        (" a; n*=nonsense", "a", {"n": "nonsense"}),
        ("", "", {}),
        (";;;=", "", {}),
    ],
)
def test_values_are_read_as_programs_write_them(value: str, word: str, given_parameters: dict[str, str]) -> None:
    """RFC 2045, 2183 and 2231, and less."""
    assert parameters.parse(value)[:2] == (word, given_parameters)


@pytest.mark.parametrize(
    "value,charsets",
    [
        ("text/plain", ()),
        ("text/plain; charset=a", ("a",)),
        ("text/plain; charset=unknown-8bit; Charset=koi8-r", ("unknown-8bit", "koi8-r")),
        ("text/plain; charset: utf-8", ("utf-8",)),
        ('text/plain; charset:"utf-8"; format=flowed', ("utf-8",)),
        ("text/plain; charset=charset=utf-8", ("charset=utf-8",)),
    ],
)
def test_each_charset_that_is_given_is_there(value: str, charsets: tuple[str, ...]) -> None:
    """In order: the first that is known counts."""
    assert parameters.parse(value).charsets == charsets


@given(st.text(st.sampled_from(";=*'\"\\()% a0é\r\n") | st.characters(codec="utf-8"), max_size=200))
def test_any_value_is_read(value: str) -> None:
    """Nothing raises."""
    assert parameters.parse(value).word == parameters.parse(value).word.lower()
