"""The sources of users: who may read and change them, how old they are, and what they say."""

from dataclasses import replace

import pytest

from reply_milter.core.diagnosis.files import Account, FileFacts, Kind
from reply_milter.core.diagnosis.native import SourceFacts, Survey, examine
from reply_milter.core.diagnosis.problem import Problem, Severity
from tests.support.fakes import NOW

DAEMON = Account("reply-milter", 990, (990,))
FILE = FileFacts("/etc/reply-milter/users", Kind.FILE, 0o640, 0, 990, "root", NOW - 60)
FOLDER = FileFacts("/etc", Kind.FOLDER, 0o755)
LINES = SourceFacts("gitea", FILE, (FOLDER,), Survey(3, 0))
DATABASE = replace(LINES, survey=Survey())


def found(source: SourceFacts, daemon: Account | None = DAEMON) -> list[Problem]:
    """What is told."""
    return list(examine(source, daemon, NOW))


def test_a_good_file_is_told_with_its_users_and_its_age() -> None:
    """A database is not counted."""
    (note,) = found(LINES)
    assert (note.severity, note.check) == (Severity.NOTE, "native.users")
    assert "3 users, changed 20" in note.what
    (note,) = found(replace(LINES, survey=Survey(1, 2)))
    assert "1 user, 2 data keys" in note.what
    assert found(DATABASE) == []


@pytest.mark.parametrize(
    "changes,checks",
    [
        ({"mode": 0o644}, ["error native.mode"]),
        ({"mode": 0o660}, ["error native.mode"]),
        ({"mode": 0o600}, ["error native.unreadable"]),
        ({"mode": 0o600, "owner": 990}, []),
        ({"mode": 0o660, "owner": 1000, "owner_name": "git"}, ["error native.mode", "note native.owner"]),
        ({"modified": NOW - 3 * 86400 - 1}, ["warning native.old"]),
        ({"modified": NOW - 3 * 86400}, []),
        ({"kind": Kind.MISSING}, ["error native.missing", "-"]),
        ({"kind": Kind.FOLDER}, ["error native.missing", "-"]),
        ({"kind": Kind.HIDDEN}, ["error native.unseen", "-"]),
    ],
)
def test_the_file(changes: dict[str, object], checks: list[str]) -> None:
    """Beside its users, which are told where the file can be read at all."""
    problems = found(replace(LINES, file=replace(FILE, **changes)))  # type: ignore[arg-type]
    told = [f"{one.severity} {one.check}" for one in problems]
    assert told == (checks[:-1] if checks[-1:] == ["-"] else [*checks, "note native.users"])


def test_a_database_may_be_written_by_its_group() -> None:
    """The application's; but nobody else may read it."""
    assert found(replace(DATABASE, file=replace(FILE, mode=0o660))) == []
    (problem,) = found(replace(DATABASE, file=replace(FILE, mode=0o664)))
    assert problem.check == "native.mode" and problem.remedy.line == "chmod o-rwx /etc/reply-milter/users"


def test_folders_above_it() -> None:
    """Others must not exchange it, and the daemon must get there."""
    open_to_all, closed = replace(FOLDER, mode=0o777), replace(FOLDER, path="/etc/x", mode=0o700)
    told = [one.check for one in found(replace(LINES, parents=(open_to_all, closed)))]
    assert told == ["native.folder", "native.unreachable", "native.users"]
    of_git = replace(FOLDER, owner=1000, owner_name="git")
    own = replace(LINES, file=replace(FILE, owner=1000, owner_name="git"), parents=(of_git,))
    assert [one.check for one in found(own)] == ["native.owner", "native.users"]


def test_what_cannot_be_used_is_told_line_by_line() -> None:
    """Then nothing is said of users and age."""
    told = found(replace(LINES, survey=Survey(3, 0, ("line 2 is not JSON", "line 9 is not JSON"))))
    assert [one.what.rpartition(": ")[2] for one in told] == ["line 2 is not JSON", "line 9 is not JSON"]
    assert {one.check for one in told} == {"native.unusable"}
    assert [one.check for one in found(replace(LINES, survey=Survey(0, 0)))] == ["native.empty"]
    (failed,) = found(replace(DATABASE, survey=Survey(problems=("the database gave no answer: no such table: u",))))
    assert failed.severity is Severity.ERROR and "no such table" in failed.what


@pytest.mark.parametrize(
    "source,said",
    [
        (replace(LINES, survey=Survey(3, 0, unbound=1)), "names no address of 1 user of 3"),
        (replace(LINES, survey=Survey(3, 0, unbound=3)), "names no address of 3 users of 3"),
        (replace(DATABASE, survey=Survey(tells_addresses=False)), "the query returns no column address"),
    ],
)
def test_users_whose_address_anybody_may_answer_are_warned_of(source: SourceFacts, said: str) -> None:
    """Where ``bind_sender`` says otherwise; an operator who has turned that off knows."""
    first, *others = found(source)
    assert (first.severity, first.check) == (Severity.WARNING, "native.addresses")
    assert first.what == f"handler gitea: /etc/reply-milter/users: {said}" and "bind_sender" in first.why
    assert found(replace(source, binds=False)) == others
    broken = replace(source, survey=replace(source.survey, problems=("line 2 is not JSON",)))
    assert [one.check for one in found(broken)] == ["native.unusable"]


def test_without_a_known_user_of_the_daemon_nothing_is_said_about_its_rights() -> None:
    """As where doctor runs before the daemon is installed."""
    assert [one.check for one in found(replace(LINES, file=replace(FILE, mode=0o600)), None)] == ["native.users"]
