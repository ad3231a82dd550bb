"""In which line of a TOML file a key stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.encoding.toml_lines import line_of, lines_of
from reply_milter.core.encoding.toml_table import Table

TEXT = '''\
realm = "x"                     # [[handler]]
"state.dir" = '# no comment'
text = """
[not.a.table]
level = 3 "" \\""" ""
"""
raw = \'\'\'
key = 1 \\\'\'\'
list = [   # of two
  "]", { a = 1, b = "}" },
]
a . "b c".d = 1

[address]
  mailbox="reply"
[[handler]]
name = "issue"
[handler.delivery]
url = "x"
[[handler]]
id = 2
[ handler . "policy" ]
mode = 1
[[sign.application]]
[[sign.application]]
name = 'shop'
logins = []
'''


def test_each_key_has_its_line() -> None:
    """Strings, comments, lists and inline tables of several lines begin no key; names are found, too."""
    tomllib.loads(TEXT)
    assert lines_of(TEXT) == {
        "realm": 1,
        '"state.dir"': 2,
        "text": 3,
        "raw": 7,
        "list": 9,
        "a": 12,
        'a."b c"': 12,
        'a."b c".d': 12,
        "address": 14,
        "address.mailbox": 15,
        "handler[1]": 16,
        "handler[1].name": 17,
        "handler issue": 16,
        "handler[1].delivery": 18,
        "handler[1].delivery.url": 19,
        "handler[2]": 20,
        "handler[2].id": 21,
        "handler[2].policy": 22,
        "handler[2].policy.mode": 23,
        "sign.application[1]": 24,
        "sign.application[2]": 25,
        "sign.application[2].name": 26,
        "sign.application shop": 25,
        "sign.application[2].logins": 27,
    }


@pytest.mark.parametrize(
    "problem,line",
    [
        ("handler[2].id: must be between", 21),
        ("handler[2].name: is missing", 20),
        ("handler[2].policy.auth: unknown key", 22),
        ("handler[1].delivery.url.x.y: no such", 19),
        ("handler issue: delivery: there is no plug-in", 16),
        ("list[2].c: unknown key", 9),
        ("store.url: must be", None),
        ("no key at all", None),
        ("", None),
        ("not valid TOML: Expected '=' after a key in a key/value pair (at line 7, column 3)", 7),
        ("not valid TOML: Expected ']' at the end (at end of document)", None),
    ],
)
def test_a_mistake_has_the_line_of_its_key_or_of_its_table(problem: str, line: int | None) -> None:
    """Where there is neither, none."""
    assert line_of(problem, lines_of(TEXT)) == line


_KEYS = st.text(min_size=1, max_size=8)


@given(st.dictionaries(_KEYS, st.integers(0, 9), min_size=1, max_size=6))
def test_any_key_is_found_by_the_name_that_a_mistake_gives_it(values: dict[str, int]) -> None:
    """Quoted or not, as the table's reader writes it."""
    plain = {key: value for key, value in values.items() if key.isprintable() and not key.isspace()}
    text = "".join(f"{Table({}, '', []).name(key)} = {value}\n" for key, value in plain.items() if key.isascii())
    found = lines_of(text)
    for number, key in enumerate((key for key in plain if key.isascii()), 1):
        assert found[Table({}, "", []).name(key)] == number


@given(st.text(alphabet="[]{}\"'#=.\n\\ ab1", max_size=60))
def test_nonsense_is_no_error(text: str) -> None:
    """The lines may be wrong then."""
    lines_of(text)
