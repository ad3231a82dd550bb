"""Lines of the journal, what is in force of them; and marks that tell a loss."""

import pytest

from reply_milter.core.epoch import Loss, Mark, losses
from reply_milter.core.token.revocation import Revocation, What, in_force, read_line

REALM = "example"
ONES = [
    Revocation(REALM, What.USER, 9000, user=42, before=1000),
    Revocation(REALM, What.OBJECT, 9000, handler=2, context=1 << 54, before=1000),
    Revocation(REALM, What.TOKEN, 9000, token_id="tokentokentok"),  # noqa: S106 # an id
    Revocation(REALM, What.BEFORE, 9000, before=1000),
    Revocation(REALM, What.WRAPPED, 9000, user=42, before=1000, of="jane@example.org"),
]


@pytest.mark.parametrize("one", ONES, ids=lambda one: one.what.value)
def test_lines_say_all(one: Revocation) -> None:
    """There and back, in one line."""
    line = one.line(500)
    assert line.count("\n") == 1
    assert read_line(line) == one


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        ONES[0].line(1)[:40],
        "[" * 100_000,
        '{"what": "user"}',
        ONES[0].line(1).replace("42", '"42"'),
        ONES[0].line(1).replace("42", "true"),
        ONES[0].line(1).replace('"user",', '"planet",'),
        ONES[4].line(1).replace('"jane@example.org"', "7"),
    ],
)
def test_what_is_no_line_is_none(line: str) -> None:
    """Half of one, another thing, a wrong type."""
    assert read_line(line) is None


def test_what_is_in_force() -> None:
    """The latest of each subject, and nothing that has ended; what can't be read is counted."""
    later = Revocation(REALM, What.USER, 9500, user=42, before=2000)
    ended = Revocation(REALM, What.USER, 100, user=7, before=50)
    other = Revocation("elsewhere", What.USER, 9000, user=42, before=1)
    lines = [one.line(1) for one in (*ONES, later, ended, other, ONES[0])] + ["half of", "", "\n"]
    found, broken = in_force(lines, 1000)
    assert [one for _, one in found] == [later, *ONES[1:], other]
    assert broken == 1


def test_losses_are_reported_by_marks() -> None:
    """A loss is another id, or a count that is not higher; a higher count, or a part without a past, is not."""
    known = {"a": Mark("x", 5), "b": Mark("y", 5)}
    assert losses(known, {"a": Mark("x", 6), "b": Mark("y", 9), "c": Mark("z", 1)}) == frozenset()
    assert losses(known, {"a": Mark("x", 5)}) == {Loss.SET_BACK}
    assert losses(known, {"a": Mark("q", 9), "b": Mark("y", 1)}) == {Loss.EMPTIED, Loss.SET_BACK}
    assert losses({}, known) == frozenset()
