"""The secrets of an application's users: a watched file, and a query to a database, both real."""

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from reply_milter.adapters.native_sources import Sources, lines
from reply_milter.adapters.native_sources.database import DatabaseSource
from reply_milter.adapters.native_sources.lines import LinesSource
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import Known, read_line
from reply_milter.core.native.verification import LinesFile, Query
from reply_milter.ports import SourceUnavailableError

SECRET = bytes.fromhex("77f3fb1de115523da4d552f6127ed9a2").hex()
SQL = (
    "SELECT u.rands AS secret, u.email AS address, u.is_active = 0 OR u.prohibit_login = 1 AS disabled"
    " FROM user u WHERE u.id = :user"
)


def named(user: int, handler: int = 0, data: int = 0) -> Named:
    """What a key names."""
    return Named(user, b"", 0, None, lambda _known: False, handler, data)


def line(**changes: object) -> str:
    """A line about user 42."""
    return json.dumps({"id": 42, "secret": SECRET, "addresses": ["Jane@Example.NET"], "disabled": False, **changes})


def _written(path: Path, *lines: str) -> LinesSource:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = LinesSource(str(path))
    source.look()
    return source


def test_users_are_known_with_their_addresses_as_authors_are_compared(tmp_path: Path) -> None:
    """Blank lines are none."""
    source = _written(tmp_path / "users", line(), "", line(id=43, addresses=[], disabled=True))
    assert source.known(named(42)) == Known(SECRET, ("jane@example.net",))
    assert source.known(named(43)) == Known(SECRET, (), True)
    assert source.known(named(44)) is None


def test_an_address_that_is_none_matches_nobody(tmp_path: Path) -> None:
    """And does not open the address to everybody."""
    known = _written(tmp_path / "users", line(addresses=["No Address"])).known(named(42))
    assert known is not None and known.addresses == ("No Address",)


def test_a_data_key_of_moodle_belongs_to_a_handler_and_its_number(tmp_path: Path) -> None:
    """Both must be known."""
    of_data = json.dumps({"handler": 1, "data": 7, "secret": "d" * 32, "expires": 5, "disabled": False})
    source = _written(
        tmp_path / "users", line(), of_data, of_data.replace('"data": 7', '"data": 8').replace("5", "null")
    )
    assert source.known(named(42, 1, 7)) == Known(SECRET, ("jane@example.net",), False, "d" * 32, 5)
    assert source.known(named(42, 1, 8)) == Known(SECRET, ("jane@example.net",), False, "d" * 32, 0)
    closed = _written(tmp_path / "closed", line(), of_data.replace("false", "true")).known(named(42, 1, 7))
    assert closed is not None and closed.data_disabled and not closed.disabled
    assert source.known(named(42, 2, 7)) is None and source.known(named(1, 1, 7)) is None


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "1", '"x"', line(more=1), line(id="42"), line(id=-1), line(id=True), line(id=1 << 63),
        line(**{"secret": ""}), line(**{"secret": "x" * 257}), line(**{"secret": "\u00e4"}), line(addresses="a@b"),
        line(addresses=[1]), line(addresses=[""]), line(disabled="no"), json.dumps({"id": 42}), "[" * 60_000,
        '{"handler": 1, "data": 2}', '{"handler": 1, "data": 2, "secret": "d", "expires": ""}',
        '{"handler": 1, "data": 2, "secret": "d", "expires": false}',
        " " * 70_000 + "1", line(addresses=["a@b"] * 101), "\0",
    ],
)  # fmt: skip
def test_a_file_with_a_line_that_is_wrong_is_not_used(tmp_path: Path, text: str) -> None:
    """The line is named, and nothing of it: it holds a secret."""
    source = _written(tmp_path / "users", line(), text)
    with pytest.raises(SourceUnavailableError, match=r"^line 2 ") as caught:
        source.known(named(42))
    assert SECRET not in str(caught.value)


def test_a_wrong_file_is_read_and_told_of_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A large one would keep every worker busy each second."""
    read: list[str] = []

    def reading(text: str) -> object:
        read.append(text)
        return read_line(text)

    monkeypatch.setattr(lines, "read_line", reading)
    path = tmp_path / "users"
    path.write_text(f"{line()}\n{{\n", encoding="utf-8")
    source, heard = LinesSource(str(path), lambda is_up, _changed: heard.append(is_up)), list[bool]()
    for _ in range(4):
        source.look()
    assert len(read) == 2 and heard == [False]
    assert [record.getMessage() for record in caplog.records] == [f"native source {path}: line 2 is not JSON"]
    path.write_text(line(id=43))
    source.look()
    assert source.known(named(43)) is not None and heard == [False, True]


def test_where_nobody_watches_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A command says by itself what it found."""
    caplog.set_level("INFO")
    _written(tmp_path / "users", "{")
    LinesSource(str(tmp_path / "none")).look()
    with pytest.raises(SourceUnavailableError):
        DatabaseSource(str(tmp_path / "none.db"), SQL).known(named(42))
    assert caplog.records == []


def test_without_its_file_a_source_gives_no_answer_until_it_is_there(tmp_path: Path) -> None:
    """Missing, a folder, or no text."""
    path = tmp_path / "users"
    source = LinesSource(str(path))
    for make in ("nothing", "folder", "no text"):
        if make == "folder":
            path.mkdir()
        elif make == "no text":
            path.rmdir()
            path.write_bytes(b"\xff\n")
        source.look()
        with pytest.raises(SourceUnavailableError):
            source.known(named(42))
    path.write_text(line())
    source.look()
    assert source.known(named(42)) is not None


@pytest.mark.parametrize("text", ["", "\n \n", '{"handler": 1, "data": 7, "secret": "d"}\n'])
def test_a_file_without_users_is_none(tmp_path: Path, text: str) -> None:
    """An export that has only begun: everybody's replies would be refused for good."""
    source = _written(tmp_path / "users", text)
    with pytest.raises(SourceUnavailableError, match=r"^has no line about a user$"):
        source.known(named(42))


@pytest.mark.parametrize(
    "twice",
    [line(addresses=["eve@example.org"]), line(), '{"handler": 1, "data": 7, "secret": "e"}'],
)
def test_a_file_that_says_two_things_of_one_user_is_not_used(tmp_path: Path, twice: str) -> None:
    """Nor of one data key. The last line would open a disabled user's addresses, or have other authors for them."""
    of_data = '{"handler": 1, "data": 7, "secret": "d"}'
    source = _written(tmp_path / "users", line(disabled=True), of_data, line(id=43), twice)
    with pytest.raises(SourceUnavailableError, match=r"^line 4 is about the same as an earlier one"):
        source.known(named(43))


def test_a_folder_in_its_place_costs_nothing(tmp_path: Path) -> None:
    """A descriptor at each look would end the worker within the hour."""
    source = LinesSource(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        source.look()
    assert len(os.listdir("/proc/self/fd")) == before


def test_half_a_character_is_an_address_of_nobody(tmp_path: Path) -> None:
    """JSON can write one; what is computed of addresses can't."""
    known = _written(tmp_path / "users", line(addresses=["\ud800@example.org", "a@\ud800.org"])).known(named(42))
    assert known is not None and known.addresses == ("\\ud800@example.org", "a@\\ud800.org")


def test_a_pipe_in_its_place_holds_nobody_up(tmp_path: Path) -> None:
    """It is no file."""
    os.mkfifo(tmp_path / "users")
    source = LinesSource(str(tmp_path / "users"))
    source.look()
    with pytest.raises(SourceUnavailableError):
        source.known(named(42))


def test_a_change_is_seen_within_seconds(tmp_path: Path) -> None:
    """A new file in the place of the old one, as an export should write it."""
    path = tmp_path / "users"
    path.write_text(line())
    sources = Sources({20: LinesFile(str(path))})
    sources.start()
    try:
        assert sources.known(20, named(42)) is not None
        (tmp_path / "new").write_text(line(id=43))
        (tmp_path / "new").rename(path)
        until = time.monotonic() + 20
        while sources.known(20, named(42)) is not None and time.monotonic() < until:
            time.sleep(0.05)
        assert sources.known(20, named(42)) is None and sources.known(20, named(43)) is not None
    finally:
        sources.close()


@pytest.fixture
def gitea(tmp_path: Path) -> Path:
    """A database with Gitea's columns."""
    path = tmp_path / "gitea.db"
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE user (id INTEGER, rands TEXT, email TEXT, is_active INTEGER, prohibit_login INTEGER)"
        )
        database.execute(
            "INSERT INTO user VALUES (42, ?, 'Jane@Example.NET', 1, 0), (43, ?, NULL, 1, 1)", (SECRET, SECRET)
        )
    database.close()
    return path


def test_a_database_is_asked_for_a_user(gitea: Path) -> None:
    """By its own columns."""
    source = DatabaseSource(str(gitea), SQL)
    assert source.known(named(42)) == Known(SECRET, ("jane@example.net",))
    assert source.known(named(43)) == Known(SECRET, (), True)
    assert source.known(named(44)) is None
    assert Sources({20: Query(str(gitea), SQL)}).known(20, named(42)) is not None


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM user WHERE id = :user", "SELECT nothing FROM user WHERE id = :user", "SELECT 1 AS secret",
        "SELECT", "SELECT rands AS secret, '' AS expires FROM user WHERE id = :user",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS secret FROM n",
    ],
)  # fmt: skip
def test_a_query_that_fails_writes_or_does_not_end_is_no_answer(gitea: Path, sql: str) -> None:
    """Within a second, whatever it is."""
    begun = time.monotonic()
    with pytest.raises(SourceUnavailableError):
        DatabaseSource(str(gitea), sql).known(named(42))
    assert time.monotonic() - begun < 5
    assert DatabaseSource(str(gitea), SQL).known(named(42)) is not None


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """It is opened to read only."""
    with pytest.raises(SourceUnavailableError):
        DatabaseSource(str(tmp_path / "none.db"), SQL).known(named(42))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SourceUnavailableError):
        Sources({}).known(20, named(42))
