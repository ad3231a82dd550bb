"""Lists are joined and taken apart without a change of what the host wrote."""

import pytest

from reply_milter.core.attachment.lists import compact, join, same, units, without
from reply_milter.core.attachment.names import is_ours, refers_to_ours

ENTRY = "{ inet:localhost:8891, default_action=accept }"


def test_a_restriction_and_its_argument_are_one_unit() -> None:
    """Taken out together, or the argument of one becomes that of another."""
    value = "permit_mynetworks check_recipient_access inline:{ { a = reject } }, reject_rbl_client zen.example"
    assert units("smtpd_recipient_restrictions", value) == [
        "permit_mynetworks", "check_recipient_access inline:{ { a = reject } }", "reject_rbl_client zen.example",
    ]  # fmt: skip
    assert units("smtpd_milters", f"check_x {ENTRY}") == ["check_x", ENTRY]


@pytest.mark.parametrize(
    ("host", "first", "joined"),
    [
        ("", False, "$reply_milter"),
        (ENTRY, False, f"{ENTRY}, $reply_milter"),
        (ENTRY, True, f"$reply_milter, {ENTRY}"),
        ("a,b c ,", False, "a,b c, $reply_milter"),
        ("a, $reply_milter", False, "a, $reply_milter"),
        ("$reply_milter", True, "$reply_milter"),
    ],
)
def test_the_hosts_words_stay_as_they_are_written(host: str, first: bool, joined: str) -> None:
    """Whatever separates them; what is there already does not come twice."""
    assert join("smtpd_milters", host, ["$reply_milter"], first) == joined


def test_our_part_goes_and_nothing_else() -> None:
    """By reference, in each of Postfix's spellings, or because it was added."""
    value = (
        "a, $reply_milter,${reply_milter} $(reply_sign_milter) ${reply_nexthop?x} b $reply_milters $reply_domain_x c"
    )
    assert without("x", value, ["c"], refers_to_ours) == "a, b, $reply_milters, $reply_domain_x"
    assert without("x", "a,b  c", ["z"], refers_to_ours) == "a,b  c"


def test_a_list_for_master_cf_has_no_white_space() -> None:
    """Postfix reads an option of master.cf up to the next blank."""
    value = "$reply_milter, { inet:[::1]:8891, { default_action = accept } , connect_timeout=5s } , unix:x"
    assert compact(value) == "$reply_milter,{inet:[::1]:8891,{default_action=accept},connect_timeout=5s},unix:x"
    assert compact("check_recipient_access inline:{ { $reply_domain = reject } }") == (
        "check_recipient_access,inline:{{$reply_domain=reject}}"
    )


def test_values_are_compared_as_postfix_reads_them() -> None:
    """White space does not matter, and no value is no empty one."""
    assert same("a,  b", "a, b") and same(None, None)
    assert not same("", None) and not same("a", "b")


@pytest.mark.parametrize(
    "name", ["reply_domain", "reply_application_here", "reply-delivery_destination_recipient_limit"]
)
def test_names_of_ours(name: str) -> None:
    """And what only begins like one is the host's."""
    assert is_ours(name)
    assert not is_ours(f"my_{name}") and not is_ours("reply_milters") and not is_ours("smtpd_milters")
