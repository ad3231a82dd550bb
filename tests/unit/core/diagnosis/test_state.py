"""Owners of what lies in the state folder."""

from reply_milter.core.diagnosis.files import Account, FileFacts, Kind
from reply_milter.core.diagnosis.problem import Problem, Severity
from reply_milter.core.diagnosis.state import StateFacts, examine

_FREE = 1 << 40
_FOLDER = FileFacts("/s", Kind.FOLDER, 0o700, 7, 7, "daemon")
_DAEMON = Account("daemon", 7, (7,))


def _found(*others: FileFacts, account: Account | None = _DAEMON) -> list[Problem]:
    return list(examine(StateFacts(_FOLDER, (), _FREE, _FREE, others), account))


def _file(name: str, mode: int) -> FileFacts:
    return FileFacts(f"/s/{name}", Kind.FILE, mode)


def test_a_file_that_the_daemon_can_not_use_is_an_error() -> None:
    """With the line that gives all of them back."""
    (problem,) = _found(_file("notes", 0o666), _file("store-marks.json", 0o600), _file("journal", 0o644))
    assert (problem.severity, problem.check) == (Severity.ERROR, "state.foreign")
    assert problem.what == ("/s/store-marks.json, and 1 other there: belongs to root, not to the daemon's user daemon")
    assert problem.remedy.line == "chown -R daemon: /s"


def test_a_file_that_it_can_use_is_a_warning() -> None:
    """Its owner may change it."""
    (problem,) = _found(_file("notes", 0o666))
    assert (problem.severity, problem.check) == (Severity.WARNING, "state.foreign")


def test_without_a_known_user_no_owner_is_wrong() -> None:
    """Nobody can say whose it should be."""
    assert "state.foreign" not in {problem.check for problem in _found(_file("a", 0o600), account=None)}


def test_a_daemon_that_is_root_uses_everything() -> None:
    """Only its folder matters."""
    root = Account("root", 0, (0,))
    assert "state.foreign" not in {problem.check for problem in _found(_file("a", 0o600), account=root)}
