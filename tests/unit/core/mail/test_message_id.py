"""Message-IDs: ours as written, and lists of them as clients write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.mail import message_id
from reply_milter.core.mail.message_id import Thread, is_locator, parse, write
from reply_text.syntax.message_ids import identifiers, own_id
from tests.support.processes.clocked import hostile, in_time

LOCATORS = ["a", "go-gitea/gitea/issue/2351", "A.b/c_d/e~f/0", "-/-", "a" * 200]
NO_LOCATORS = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    ".a",
    "a.",
    "a/.b",
    "a./b",
    "a..b",
    "a b",
    "a@b",
    "ä",
    "a\n",
    "a" * 201,
    "a%b",
]


@pytest.mark.parametrize("locator", LOCATORS)
def test_locator_is_segments_joined_by_slashes(locator: str) -> None:
    """Letters, digits and ``._~-``."""
    assert is_locator(locator)


@pytest.mark.parametrize("locator", NO_LOCATORS)
def test_locator_that_no_message_id_can_hold_is_none(locator: str) -> None:
    """No empty segment, none that begins or ends with a dot, no ``..``, at most 200 octets."""
    assert not is_locator(locator)


def test_message_id_of_ours_tells_locator_and_time() -> None:
    """The example of the contract."""
    found = parse("go-gitea/gitea/issue/2351/1220588887.k3f9@Example.com")
    assert found == Thread("go-gitea/gitea/issue/2351", 1220588887, "example.com")
    assert parse("p/1@d") == Thread("p", 1, "d")


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "p@d",
        "p/@d",
        "p/01@d",
        "p/0@d",
        "p/1.@d",
        "p/1",
        "/1@d",
        "p/1@",
        "p/1@d@e",
        "p/1a@d",
        "p/1.a.b@d",
        "p/1-2@d",
    ],
)
def test_message_id_of_another_form_is_read_as_no_thread(identifier: str) -> None:
    """An application may keep a form of its own: locator and replied-to are then absent."""
    assert parse(identifier) is None


@given(st.from_regex(message_id.LOCATOR, fullmatch=True), st.integers(1, 10**12 - 1), st.sampled_from(["", "x1"]))
def test_what_is_written_is_read_again(locator: str, seconds: int, unique: str) -> None:
    """Split at the last slash: the locator may hold numbers."""
    if is_locator(locator):
        assert parse(write(locator, seconds, unique, "reply.test")) == Thread(locator, seconds, "reply.test")


@pytest.mark.parametrize(
    "value,found",
    [
        (" <a@b>", ["a@b"]),
        ("<a@b> <c@d>", ["a@b", "c@d"]),
        ("<a@b>,<c@d>\r\n\t<e@f>", ["a@b", "c@d", "e@f"]),
        ("<a@b><c@d>", ["a@b", "c@d"]),
        ("(see <x@y>) <a@b> (and (<z@z>))", ["a@b"]),
        ("your mail of Monday <a@b>", ["a@b"]),
        ("<a b@c> <d@e>", ["d@e"]),
        ("<unclosed <a@b>", ["a@b"]),
        ("<a@b<c@d>", ["c@d"]),
        ("<>", []),
        ("a@b", []),
        ("<a@b", []),
        ("=?utf-8?q?=3Ca=40b=3E?=", []),
        (f"<{'a' * 998}>", ["a" * 998]),
        (f"<{'a' * 999}>", []),
    ],
)
def test_ids_of_a_list_stand_in_angle_brackets(value: str, found: list[str]) -> None:
    """White space and commas part them; comments are skipped; nothing is decoded."""
    assert identifiers(value) == found


def test_at_most_so_many_ids_are_taken() -> None:
    """From the front, or from the back."""
    value = " ".join(f"<{number}@x>" for number in range(40))
    assert identifiers(value) == [f"{number}@x" for number in range(16)]
    assert identifiers(value, 3, last_first=True) == ["39@x", "38@x", "37@x"]
    assert identifiers(value, 0) == identifiers(value, 0, last_first=True) == []
    assert identifiers(f":-( {value}", 3, last_first=True) == ["39@x", "38@x", "37@x"]


def test_own_id_may_lack_brackets() -> None:
    """A message is named by whatever its Message-ID says; an empty one names nothing."""
    assert [own_id(value) for value in (" <a@b>", " a@b ", "", " ")] == ["a@b", "a@b", "", ""]
    assert own_id("<a@b> (comment <c@d>)") == "a@b"


@given(
    st.text(st.sampled_from('<>() ,ab@\\"\r\n\udc80é') | st.characters(), max_size=300),
    st.integers(0, 16),
    st.booleans(),
)
def test_any_text_is_a_list_of_ids(value: str, limit: int, last_first: bool) -> None:
    """No text makes it fail; ids are bounded in number and length and hold no white space."""
    found = identifiers(value, limit, last_first)
    assert len(found) <= limit
    assert all(0 < len(each) <= 998 and each == "".join(each.split()) for each in found)
    assert isinstance(own_id(value), str)


@given(st.text(max_size=300) | st.text(st.sampled_from("a./10@"), max_size=60))
def test_any_id_is_ours_or_not(identifier: str) -> None:
    """What is read as ours has a locator of ours."""
    found = parse(identifier)
    assert found is None or (is_locator(found.locator) and found.replied_to > 0)


@pytest.mark.parametrize("piece", ["(", ")", "<", ">", "<>", "<a", "<a@b>", ",<", "(<", "\\", " ", '"', "a/1", "/1.a@"])
def test_hostile_list_costs_little(piece: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        identifiers(hostile(piece), last_first=True)
        own_id(hostile(piece))
        parse(hostile(piece))
        is_locator(hostile(piece))


@pytest.mark.parametrize(
    "value,found",
    [
        ("Message from Joe :-( of Monday <a@b>", ["a@b"]),
        ("<x@y> :-( <a@b>", ["x@y", "a@b"]),
        ("(a comment <c@d>) :-( <a@b> (more", ["a@b"]),
        ("((( <a@b>", ["a@b"]),
        ("(c <t/9@d>) <a@b>", ["a@b"]),
        ("(c <t/9@d>", ["t/9@d"]),
    ],
)
def test_a_parenthesis_that_never_closes_is_no_comment(value: str, found: list[str]) -> None:
    """People write faces; what stands behind one is an id all the same."""
    assert identifiers(value) == found
