"""X-Reply-Mint: what an application may write, and what it hears about anything else."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.notification.mint_request import MintRequest, key_of, read
from reply_milter.core.token.mint import MintError


@pytest.mark.parametrize(
    "value,request_",
    [
        ("handler=issue; user=42; locator=a/b", MintRequest("issue", 42, "a/b", None)),
        (" handler = issue ;\r\n\tuser=042;locator=go-\r\n gitea/x ; ", MintRequest("issue", 42, "go-gitea/x", None)),
        ("context=0;user=1099511627775;handler=f", MintRequest("f", 1099511627775, "", 0)),
        ("handler=issue;user=1", MintRequest("issue", 1, "", None)),
    ],
)
def test_a_tag_list_in_any_order_with_white_space(value: str, request_: MintRequest) -> None:
    """As DKIM writes one."""
    assert read(value) == request_


@pytest.mark.parametrize(
    "value,words",
    [
        ("", "must be handler=NAME"),
        (";", "must be handler=NAME"),
        ("handler=issue;;user=1", "must be handler=NAME"),
        ("handler=issue", "handler and user are needed"),
        ("user=1;context=2", "handler and user are needed"),
        ("handler=;user=1", "must be handler=NAME"),
        ("Handler=issue;user=1", "must be handler=NAME"),
        ("handler=issue;user=1;colour=red", "must be handler=NAME"),
        ("handler=issue;user=1;user=1", "occurs twice"),
        ("handler=issue;user=-1", "the user id must be a number between 0 and 1099511627775"),
        ("handler=issue;user=1099511627776", "the user id must be"),
        ("handler=issue;user=\u0661", "the user id must be"),
        ("handler=issue;user=" + "9" * 5000, "the user id must be"),
        ("handler=f;user=1;context=36028797018963968", "a context must be a number between 0 and 36028797018963967"),
        ("handler=f;user=1;context=x", "a context must be"),
    ],
)
def test_mistakes_are_told_in_constant_words(value: str, words: str) -> None:
    """Nothing that was written comes back: the reply is a format string to libmilter."""
    with pytest.raises(MintError) as error:
        read(value)
    assert str(error.value).startswith(words) or words in str(error.value)
    assert "%" not in str(error.value)


@pytest.mark.parametrize(
    "values,key",
    [
        (["handler=issue;user=1"], ""),
        (["handler=issue;user=1;key=s3cret=="], "s3cret=="),
        ([" key = s3\r\n\tcret ; rubbish;;"], "s3cret"),
        (["user=key=x"], ""),
        (["Key=x;monkey=y"], ""),
        (["key="], ""),
        (["key=a;key=b"], "?"),
        (["key=a;key=a"], "?"),
        (["key=a", "key=a"], "?"),
        (["key=a", "handler=issue"], "a"),
    ],
)
def test_one_key_is_read_wherever_it_stands(values: list[str], key: str) -> None:
    """Also of a request with mistakes; and a guesser has one guess a message."""
    assert key_of(values) == key


def test_the_key_is_no_part_of_what_is_asked_for() -> None:
    """So that it goes nowhere from there."""
    assert "s3cret" not in repr(read("handler=issue;user=1;key=s3cret"))


@given(st.text(max_size=200))
def test_whatever_is_written_is_read_or_told(value: str) -> None:
    """Invariant: a request, or a MintError."""
    with contextlib.suppress(MintError):
        assert isinstance(read(value), MintRequest)
