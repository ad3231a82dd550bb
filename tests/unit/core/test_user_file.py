"""Files of users' addresses: the records, and the report about an unreadable line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.user_file import UserEntry, read


def test_csv_adds_up_by_user() -> None:
    """Columns in any order and case, quotes, a byte order mark and blank lines, as spreadsheets write them."""
    head, rows = "\ufeffAddress, USER,disabled", ['"bob@example.com","43","no"', "j@home.example,42,yes", ",44,1"]
    found = read([head, "Jane+x@Example.COM,42,", "", *rows])
    assert found.problems == []
    assert found.users == {
        42: UserEntry(True, ["jane@example.com", "j@home.example"]),
        43: UserEntry(False, ["bob@example.com"]),
        44: UserEntry(True, None),
    }


def test_json_lines() -> None:
    """Members that are missing say nothing."""
    lines = [
        '{"user": 42, "addresses": ["jane@example.com", "JANE@example.com"]}',
        '{"user": "43", "disabled": true}',
        '{"user": 42, "addresses": ["j@home.example"], "disabled": false}',
    ]
    found = read(lines)
    assert found.problems == []
    assert found.users == {42: UserEntry(False, ["jane@example.com", "j@home.example"]), 43: UserEntry(True, None)}


def test_what_is_not_said_is_not_the_same_as_none() -> None:
    """A list of users to disable must not take their addresses off; an empty list does."""
    assert read(['{"user": 88, "disabled": true}']).users == {88: UserEntry(True, None)}
    assert read(['{"user": 88, "addresses": []}']).users == {88: UserEntry(None, [])}
    assert read(["user,address,disabled", "88,,true"]).users == {88: UserEntry(True, None)}
    both = read(['{"user": 88, "addresses": ["a@example.com"]}', '{"user": 88, "disabled": true}'])
    assert both.users == {88: UserEntry(True, ["a@example.com"])}


@pytest.mark.parametrize(
    "text,problem",
    [
        ("", "the file is empty"),
        ("42,jane@example.com", "line 1: a CSV file begins with a line of column names"),
        ("user,address,user\n1,a@b,1", "line 1: a CSV file begins"),
        ("user,address,name\n1,a@b,Jane", "line 1: a CSV file begins"),
        ("user,address\n1", "line 2: is neither"),
        ("user,address\n1,a@b,c", "line 2: is neither"),
        ("user,address\n-1,a@b", "line 2: user must be a number between 0 and 1099511627775"),
        ("user,address\n1099511627776,a@b", "line 2: user must be a number"),
        ("user,address\n\u0664\u0662,a@b", "line 2: user must be a number"),
        ("user,address\n1,nobody", "line 2: 'nobody' can't be on file"),
        ('user,address\n1,"""j d""@b"', "line 2: '\"j d\"@b' can't be on file"),
        ("user,address,disabled\n1,a@b,maybe", "line 2: disabled must be true or false"),
        ('{"user": 1}\nnonsense', "line 2: is neither"),
        ('{"user": true}', "line 1: user must be a number"),
        ('{"user": 1.0}', "line 1: user must be a number"),
        ('{"addresses": []}', "line 1: user must be a number"),
        ('{"user": 1, "addresses": "a@b"}', "line 1: addresses must be a list"),
        ('{"user": 1, "addresses": [7]}', "line 1: '7' can't be on file"),
        ('{"user": 1, "adresses": []}', "line 1: unknown member 'adresses'"),
    ],
)
def test_mistakes_are_reported_with_their_line(text: str, problem: str) -> None:
    """And the other lines are looked at all the same."""
    (found,) = read(text.splitlines()).problems
    assert found.startswith(problem)


@given(st.lists(st.text(max_size=60), max_size=6))
def test_whatever_a_file_holds_is_read_or_reported(lines: list[str]) -> None:
    """Invariant: no exception, and no record from a line that was reported."""
    for head in ([], ["user,address,disabled"], ['{"user": 1}']):
        found = read([*head, *lines])
        assert found.users or found.problems or head == ["user,address,disabled"]
