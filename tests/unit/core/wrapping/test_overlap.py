"""Conflicts: which two settings may not stand in one file, and the address that tells why."""

import pytest

from reply_milter.core.token.address import AddressForm
from reply_milter.core.wrapping.overlap import conflicts
from reply_milter.core.wrapping.pattern import glob, parse
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.wrap import Wrap

_PLUS = AddressForm("reply", "+", "reply.test", frozenset({"reply.test", "old.test"}))
_HYPHEN = AddressForm("reply", "-", "reply.test", frozenset({"reply.test"}))
_BARE = AddressForm("", "+", "reply.test", frozenset({"reply.test"}))


def _wrap(address: str, opened: str = "", bounces: str = "", key: str = "[a-f]{32}") -> Wrap:
    return Wrap(
        PRESETS["generic"],
        parse(address, key),
        frozenset(),
        open=tuple(map(glob, opened.split())),
        bounces=tuple(map(glob, bounces.split())),
    )


def _found(form: AddressForm, *wraps: Wrap) -> list[str]:
    return conflicts([(f"h{number}", wrap) for number, wrap in enumerate(wraps)], form)


@pytest.mark.parametrize(
    "one,other",
    [
        (_wrap("a+{key}@x.test"), _wrap("b+{key}@x.test")),
        (_wrap("a+{key}@x.test"), _wrap("a+{key}@y.test")),
        (_wrap("{key}@x.test"), _wrap("{key}@x.test", key="[g-z]{32}")),
        (_wrap("a+{key}@x.test", "a+*-new@x.test a+help@x.test"), _wrap("c@x.test", key="")),
    ],
)
def test_what_can_be_told_apart_may_stand_together(one: Wrap, other: Wrap) -> None:
    """Different mailboxes, domains or forms."""
    assert _found(_PLUS, one, other) == []


@pytest.mark.parametrize(
    "one,other,line",
    [
        (
            "a+{key}@x.test",
            "A+{key}@X.test",
            "h1.address: 'A+{key}@X.test' and h0.address ('a+{key}@x.test') both claim a@",
        ),
        ("a+{key}@x.test", "a+b_{key}@x.test", "both claim a@x.test"),
        ("a+{key}@x.test", "a@x.test", "both claim a@x.test"),
        ("a-{key}@x.test", "a-b-c@x.test", "both claim a-b-c@x.test"),
        ("{key}@x.test", "{any}@x.test", "both claim " + "a" * 32),
        ("{any}-b+{key}@x.test", "a-b@x.test", "both claim a-b@x.test"),
    ],
)
def test_two_applications_never_share_an_address(one: str, other: str, line: str) -> None:
    """Nor the names of a mailbox."""
    found = _found(_PLUS, _wrap(one), _wrap(other))
    assert len(found) == 1
    assert line in found[0]


@pytest.mark.parametrize(
    "wrap,lines",
    [
        (_wrap("a+{key}@x.test", "a+*@x.test"), ["h0.open: 'a+*@x.test' and h0.address"]),
        (_wrap("a+{key}@x.test", "", "*@x.test"), ["h0.bounces: '*@x.test' and h0.address"]),
        (_wrap("a+{key}@x.test", "a+n*@x.test", "a+*-verp@x.test"), ["h0.bounces: 'a+*-verp@x.test' and h0.open"]),
        (_wrap("bugs@x.test", "bugs@x.test", key=""), ["h0.open: 'bugs@x.test' and h0.address"]),
        (_wrap("bugs@x.test", "bugs+new@x.test", key=""), []),
    ],
)
def test_what_is_open_is_no_key(wrap: Wrap, lines: list[str]) -> None:
    """But may be of the application's mailbox."""
    found = _found(_PLUS, wrap)
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True))


def test_what_is_open_is_no_other_applications() -> None:
    """Neither its address nor what is open there."""
    one = _wrap("a+{key}@x.test", "new-*@x.test")
    assert len(_found(_PLUS, one, _wrap("new-{key}@x.test"))) == 1
    assert len(_found(_PLUS, one, _wrap("b+{key}@x.test", "new-*-all@x.test"))) == 1


@pytest.mark.parametrize(
    "form,address,claimed",
    [
        (_PLUS, "reply+{key}@reply.test", True),
        (_PLUS, "reply+{key}@old.test", True),
        (_PLUS, "Reply@reply.test", True),
        (_PLUS, "{any}@reply.test", True),
        (_PLUS, "reply-{key}@reply.test", True),  # its mailbox alone
        (_PLUS, "app+{key}@reply.test", False),
        (_HYPHEN, "reply-{key}@reply.test", True),  # behind the delimiter it claims everything
        (_HYPHEN, "reply-to@reply.test", True),  # reply-to+, and as much more as a token has
        (_HYPHEN, "reply@reply.test", False),
        (_HYPHEN, "reply+{key}@reply.test", False),
        (_BARE, "app+{key}@reply.test", True),
        (_BARE, "app+{key}@x.test", False),
    ],
)
def test_our_own_addresses_are_nobody_elses(form: AddressForm, address: str, claimed: bool) -> None:
    """At each accept domain."""
    found = _found(form, _wrap(address))
    assert len(found) == claimed
    assert all("our own addresses (address.accept_domains) both claim" in line for line in found)
