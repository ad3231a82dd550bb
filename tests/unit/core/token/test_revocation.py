"""Lines of the journal, what is in force of them; and marks that tell a loss."""

import json
from typing import Any

import pytest

from reply_milter.core.epoch import Loss, Mark, losses
from reply_milter.core.token.revocation import Revocation, What, read_history, read_line

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
        ONES[0].line(1).replace("42", "-1"),
        ONES[0].line(1).replace("42", str(1 << 40)),
        ONES[0].line(1).replace("1000", "-1"),
        ONES[0].line(1).replace("1000", str(1 << 70)),
        ONES[0].line(1).replace("9000", str(1 << 70)),
        ONES[1].line(1).replace(": 2,", ": 1024,"),
        ONES[1].line(1).replace(str(1 << 54), str(1 << 55)),
        ONES[2].line(1).replace("tokentok", "\\ud800tok"),
        ONES[2].line(1).replace("tokentok", "TOKENTOK"),
    ],
)
def test_what_is_no_line_is_none(line: str) -> None:
    """Half of one, another thing, a wrong type; a value that would stop the restoring of all lines behind it."""
    assert read_line(line) is None


def test_what_is_for_people_alone_makes_no_line_unreadable() -> None:
    """The revocation counts; times and names that can't be shown are unknown."""
    late = read_line(ONES[4].line(1).replace('"at": 1,', f'"at": {1 << 70},'))
    named = read_line(ONES[4].line(1).replace("jane", "\\ud800\\u001b[2J"))
    assert late is not None and late == ONES[4] and late.at == 0
    assert named is not None and named.user == 42 and named.of == ""


def test_what_is_in_force() -> None:
    """The latest of each subject, and nothing that has ended; what can't be read is counted."""
    later = Revocation(REALM, What.USER, 9500, user=42, before=2000)
    ended = Revocation(REALM, What.USER, 100, user=7, before=50)
    other = Revocation("elsewhere", What.USER, 9000, user=42, before=1)
    lines = [one.line(1) for one in (*ONES, later, ended, other, ONES[0])] + ["half of", "", "\n"]
    history = read_history(lines, 1000)
    assert history.in_force() == [later, *ONES[1:], other]
    assert history.broken == 1


def test_an_undo_takes_the_latest_of_its_subject_off() -> None:
    """And leaves the earlier one, and all other subjects; one of nothing, or of nothing more, does no harm."""
    first, second = (Revocation(REALM, What.USER, 9000, user=42, before=before) for before in (1000, 2000))
    other = Revocation(REALM, What.USER, 9000, user=43, before=1500)
    undo = Revocation(REALM, What.USER, 9000, user=42, undone=True)
    for undos, left in ((1, [first, other]), (2, [other]), (5, [other])):
        lines = [one.line(1) for one in (undo, first, other, second, *[undo] * undos)]
        assert read_history(lines, 100).in_force() == ([first, other] if undos == 0 else left)
    again = [one.line(1) for one in (first, undo, second)]
    assert read_history(again, 100).about(first.subject) == [second]


def test_an_undo_never_takes_off_what_came_before_a_lapsed_one() -> None:
    """The lapsed one was the latest, so it is what was undone."""
    lasting = Revocation(REALM, What.USER, 9000, user=42, before=1000)
    lapsed = Revocation(REALM, What.USER, 50, user=42, before=10)
    undo = Revocation(REALM, What.USER, 9000, user=42, undone=True)
    assert read_history([one.line(1) for one in (lasting, lapsed, undo)], 100).in_force() == [lasting]


def test_one_address_is_revoked_once_and_undone_at_once() -> None:
    """However often the command was run."""
    undo = Revocation(REALM, What.TOKEN, 9000, token_id="tokentokentok", undone=True)  # noqa: S106 # an id
    assert read_history([one.line(1) for one in (ONES[2], ONES[2], undo)], 100).in_force() == []


@pytest.mark.parametrize("one", ONES, ids=lambda one: one.what.value)
def test_an_older_version_reads_no_undo(one: Revocation) -> None:
    """It can't read such a word, so the revocation stays in force there; we do, and see what is undone."""
    undo = Revocation(one.realm, one.what, 9000, **{**_about(one), "undone": True})
    word = json.loads(undo.line(7))["what"]
    assert word not in set(What)
    read = read_line(undo.line(7))
    assert read is not None and (read.undone, read.subject, read.at) == (True, one.subject, 7)


def _about(one: Revocation) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("user", "handler", "context", "token_id", "of")}


def test_a_compacted_journal_can_still_be_undone() -> None:
    """It keeps the latest few of each subject, and the one that reaches furthest; and no undo."""
    far = Revocation(REALM, What.USER, 9000, user=42, before=8000)
    many = [Revocation(REALM, What.USER, 9000, user=42, before=1000 + number) for number in range(9)]
    undone = [ONES[3], Revocation(REALM, What.BEFORE, 9000, undone=True)]
    history = read_history([one.line(1) for one in (far, *many, *undone)], 100)
    kept = history.compacted()
    assert kept == [one.line(1) for one in (far, *many[-4:])]
    assert read_history(kept, 100).in_force() == history.in_force() == [far]


def test_losses_are_reported_by_marks() -> None:
    """A loss is another id, or a count that is not higher; a higher count, or a part without a past, is not."""
    known = {"a": Mark("x", 5), "b": Mark("y", 5)}
    assert losses(known, {"a": Mark("x", 6), "b": Mark("y", 9), "c": Mark("z", 1)}) == frozenset()
    assert losses(known, {"a": Mark("x", 5)}) == {Loss.SET_BACK}
    assert losses(known, {"a": Mark("q", 9), "b": Mark("y", 1)}) == {Loss.EMPTIED, Loss.SET_BACK}
    assert losses({}, known) == frozenset()
