"""A whole source, looked at once: its users, its wrong lines, and whether its query works."""

import json
import os
import sqlite3
from pathlib import Path

from reply_milter.adapters.native_sources.survey import survey_lines, survey_query
from reply_milter.core.diagnosis.native import Survey
from reply_milter.core.native.forms import FORMS
from reply_milter.core.native.verification import Query

SECRET = bytes.fromhex("77f3fb1de115523da4d552f6127ed9a2").hex()
BLANK = FORMS["gitea"].blank


def _line(number: int, **more: object) -> str:
    return json.dumps({"id": number, "secret": SECRET, **more})


def test_users_and_data_keys_are_counted_once(tmp_path: Path) -> None:
    """Blank lines are none."""
    data = json.dumps({"handler": 1, "data": 7, "secret": SECRET})
    path = tmp_path / "users"
    path.write_text("\n".join([_line(1), "", _line(2), _line(2), data, data]))
    assert survey_lines(str(path)) == Survey(2, 1, unbound=2)


def test_users_without_an_address_are_counted(tmp_path: Path) -> None:
    """But for those who are disabled: theirs are refused in any case."""
    path = tmp_path / "users"
    path.write_text("\n".join([_line(1), _line(2, addresses=["a@b.example"]), _line(3, disabled=True)]))
    assert survey_lines(str(path)) == Survey(3, 0, unbound=1)


def test_wrong_lines_are_named_with_their_numbers_and_nothing_of_them(tmp_path: Path) -> None:
    """The first ten; a file may have been cut in half."""
    path = tmp_path / "users"
    path.write_text("\n".join([_line(1), SECRET, "", *[f'{{"secret": "{SECRET}"'] * 12, _line(2)]))
    survey = survey_lines(str(path))
    assert (survey.users, len(survey.problems)) == (2, 11)
    assert survey.problems[:2] == ("line 2 is not JSON", "line 4 is not JSON")
    assert survey.problems[-1] == "3 more lines are wrong"
    assert SECRET not in str(survey)


def test_what_is_no_file_of_lines_is_told(tmp_path: Path) -> None:
    """What is not there is for another check."""
    assert survey_lines(str(tmp_path / "none")) == Survey(0, 0)
    (tmp_path / "octets").write_bytes(b"\xff\n")
    assert survey_lines(str(tmp_path / "octets")).problems == ("is not UTF-8 text",)
    os.mkfifo(tmp_path / "pipe")
    assert survey_lines(str(tmp_path / "pipe")).problems == ("is no file, or larger than 1 GiB",)


def test_a_query_is_tried(tmp_path: Path) -> None:
    """It may know nobody, but it must answer; and it writes nothing."""
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE user (id INTEGER, rands TEXT)")
    database.close()
    good = "SELECT rands AS secret FROM user WHERE id = :user"
    assert survey_query(Query(str(path), good), BLANK) == Survey(tells_addresses=False)
    assert survey_query(Query(str(path), good.replace("FROM", ", 'a@b.example' AS address FROM")), BLANK) == Survey()
    for query, problem in (
        ("SELECT missing FROM user", "no such column: missing"),
        ("SELECT rands FROM user", "no column secret"),
        ("SELECT 1 FROM users", "no such table: users"),
        ("DELETE FROM user", "readonly"),
    ):
        (said,) = survey_query(Query(str(path), query), BLANK).problems
        assert problem in said
    assert survey_query(Query(str(tmp_path / "none.db"), good), BLANK).problems
    assert not (tmp_path / "none.db").exists()
