"""contrib/native: the files of users that write-users makes of an application's database, and what keeps them good.

On a real PostgreSQL, MariaDB and SQLite, with names as people have them; read with what the daemon reads them with.
"""

import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter import config
from reply_milter.adapters.native_sources.database import DatabaseSource
from reply_milter.adapters.native_sources.lines import LinesSource
from reply_milter.core.native.forms import FORMS
from reply_milter.core.native.known import DataLine, UserLine, read_line
from reply_milter.core.native.verification import Query
from tests.support.native_writers import gitea_token, moodle_key
from tests.support.stores.sql_servers import SERVERS, Mariadb, Postgresql, Sqlite, SqlServer

pytestmark = pytest.mark.system

_PROGRAM = Path(__file__).parents[2] / "contrib/native/write-users"
RANDS, USER_KEY, DATA_KEY = "77f3fb1de115523da4d552f6127ed9a2", "3b27f07c862c0918394ca05f179b32dc", "22a63138" * 4
NAME = "O'Br\"ien \\ \nJosé 日本\t😀"
NOW = int(time.time())

_AROUND = """
realm = "test"
[address]
mint_domain = "reply.example.com"
[[handler]]
id = 20
name = "gitea"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{{key}}@git.example.com"
native = "verify"
outward = false
{}
[handler.delivery]
type = "lmtp"
address = "unix:/run/dovecot/lmtp"
[delivery]
listen = "unix:/run/lmtp.sock"
"""


@pytest.fixture(scope="module", params=SERVERS, ids=lambda kind: kind.kind)
def server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """Each of the three, with all tables."""
    running: SqlServer = request.param()
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def database(server: SqlServer) -> SqlServer:
    """The same, empty."""
    server.clear()
    return server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the users go."""
    return tmp_path / "users.jsonl"


def export(database: SqlServer, application: str, file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as an operator does."""
    command = [str(_PROGRAM), application, database.kind, str(file), *database.options]
    more = {"PATH": "/usr/bin:/bin", "OWNER": f"{os.getuid()}:{os.getgid()}", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=more)


def lines(database: SqlServer, application: str, file: Path) -> list[UserLine | DataLine]:
    """What it wrote, line by line, as the daemon reads it."""
    done = export(database, application, file)
    assert done.returncode == 0, done.stderr
    read = [read_line(line) for line in file.read_text(encoding="utf-8").splitlines(keepends=True)]
    assert not [one for one in read if isinstance(one, str)], read
    return [one for one in read if not isinstance(one, str)]


def gitea_user(number: int, **more: object) -> dict[str, object]:
    """A row of Gitea's."""
    return {
        "id": number, "lower_name": f"u{number}", "name": NAME, "full_name": NAME, "email": f"u{number}@example.net",
        "passwd": "x", "type": 0, "rands": RANDS, "salt": "s", "is_active": True, "prohibit_login": False, **more,
    }  # fmt: skip


def gitea_address(number: int, user: int, email: str, is_activated: bool = True) -> dict[str, object]:
    """Another row."""
    return {"id": number, "uid": user, "email": email, "lower_email": email.lower(), "is_activated": is_activated,
            "is_primary": False}  # fmt: skip


@pytest.mark.parametrize("application", ["gitea", "forgejo"])
def test_users_of_gitea(database: SqlServer, file: Path, application: str) -> None:
    """Addresses that are activated, the primary one first; who may not log in, and who is no person."""
    database.fill(
        "user",
        gitea_user(1, email="Jane.O'Neil@Example.net"),
        gitea_user(2, prohibit_login=True),
        gitea_user(3, is_active=False),
        gitea_user(4, is_active=None),
        gitea_user(5, type=1),  # an organization
        gitea_user(6, rands=None),
        gitea_user(7, rands=""),
        gitea_user(8, email=""),
        gitea_user(9_000_000_000),
    )
    database.fill(
        "email_address",
        gitea_address(1, 1, "jane.o'neil@example.net"),
        gitea_address(3, 1, 'j"x\\y@example.org'),
        gitea_address(2, 1, "josé@exämple.org"),
        gitea_address(4, 1, "not.yet@example.org", is_activated=False),
        gitea_address(5, 1, "with\nnewline@example.org"),
        gitea_address(6, 1, f"{'x' * 249}@e.org"),
    )
    found = {one.user: one.known for one in lines(database, application, file) if isinstance(one, UserLine)}
    assert found.keys() == {1, 2, 3, 4, 8, 9_000_000_000}
    assert found[1].addresses[0] == "jane.o'neil@example.net" and len(found[1].addresses) == 3
    assert '"josé@exämple.org", "j\\"x\\\\y@example.org"]' in file.read_text(encoding="utf-8")
    assert {user for user, known in found.items() if known.disabled} == {2, 3, 4}
    assert found[8].addresses == () and {known.secret for known in found.values()} == {RANDS}


def test_a_user_with_very_many_addresses_spoils_nothing(database: SqlServer, file: Path) -> None:
    """Anybody can add some; more than a hundred, or a line that is too long, would make the whole file useless."""
    database.fill("user", gitea_user(1), gitea_user(2))
    longest = '"' * 240
    database.fill("email_address", *(gitea_address(n, 1, f"{longest}{n}@x.org") for n in range(1, 301)))
    found = lines(database, "gitea", file)
    assert [one.user for one in found if isinstance(one, UserLine)] == [1, 2]
    assert isinstance(found[0], UserLine) and len(found[0].known.addresses) == 100
    assert found[0].known.addresses[0] == "u1@example.net"


def moodle(database: SqlServer) -> None:
    """Four users, three of whom may answer no more; keys of other scripts; two handlers; keys that ended."""
    people: list[dict[str, object]] = [
        {"id": number, "confirmed": 1, "deleted": 0, "suspended": 0, "username": NAME, "firstname": NAME,
         "email": f"m{number}@example.net", **more}
        for number, more in enumerate(({}, {"deleted": 1}, {"suspended": 1}, {"confirmed": 0}, {}), 1)
    ]  # fmt: skip
    database.fill("mdl_user", *people)
    key = {"script": "messageinbound_handler", "value": USER_KEY, "instance": None, "iprestriction": None,
           "validuntil": None, "timecreated": NOW}  # fmt: skip
    database.fill(
        "mdl_user_private_key",
        *({"id": number, "userid": number, **key} for number in (1, 2, 3, 4)),
        {"id": 9, "userid": 1, **key, "value": "0" * 32},
        {"id": 10, "userid": 5, **key, "script": "rss"},
        {"id": 11, "userid": 5, **key, "validuntil": NOW},
    )
    database.fill(
        "mdl_messageinbound_handlers",
        *({"id": number, "component": "mod_forum", "classname": f"\\x\\{number}", "defaultexpiration": 0,
           "validateaddress": 1, "enabled": enabled} for number, enabled in ((1, 1), (2, 0))),
    )  # fmt: skip
    data = [(1, 7, DATA_KEY, None), (1, 8, DATA_KEY, 0), (1, 9, DATA_KEY, NOW + 99), (1, 10, DATA_KEY, NOW - 99),
            (1, 11, DATA_KEY, NOW - 40 * 86400), (2, 7, DATA_KEY, None), (1, 12, None, None), (3, 1, DATA_KEY, None),
            (1, 1 << 62, DATA_KEY, None)]  # fmt: skip
    database.fill(
        "mdl_messageinbound_datakeys",
        *({"id": number, "handler": handler, "datavalue": value, "datakey": secret, "timecreated": NOW, "expires": ends}
          for number, (handler, value, secret, ends) in enumerate(data, 1)),
    )  # fmt: skip


def test_users_and_data_keys_of_moodle(database: SqlServer, file: Path) -> None:
    """Who was deleted, suspended or not confirmed; a handler that an administrator disabled; what has ended."""
    moodle(database)
    found = lines(database, "moodle", file)
    users = {one.user: one.known for one in found if isinstance(one, UserLine)}
    assert {user for user, known in users.items() if known.disabled} == {2, 3, 4}
    assert users.keys() == {1, 2, 3, 4} and users[1].secret == USER_KEY
    assert users[1].addresses == ("m1@example.net",)
    data = {(one.handler, one.data): one.known for one in found if isinstance(one, DataLine)}
    assert data.keys() == {(1, 7), (1, 8), (1, 9), (1, 10), (1, 1 << 62), (2, 7)}
    assert [data[1, number].expires for number in (7, 8, 9, 10)] == [0, 0, NOW + 99, NOW - 99]
    assert data[2, 7].data_disabled and not data[1, 7].data_disabled and data[1, 7].data_secret == DATA_KEY


def test_the_address_to_which_a_user_of_moodle_has_mail_sent_may_answer(database: SqlServer, file: Path) -> None:
    """Its notifications go there, so its answers come from there."""
    moodle(database)
    database.fill(
        "mdl_user_preferences",
        {"id": 1, "userid": 1, "name": "message_processor_email_email", "value": "home@example.org"},
        {"id": 2, "userid": 2, "name": "message_processor_email_email", "value": ""},
        {"id": 3, "userid": 1, "name": "htmleditor", "value": "other@example.org"},
    )

    (found,) = [one for one in lines(database, "moodle", file) if isinstance(one, UserLine) and one.user == 1]
    assert found.known.addresses == ("m1@example.net", "home@example.org")


def test_tables_with_another_prefix(database: SqlServer, file: Path) -> None:
    """And none that is something else."""
    moodle(database)
    assert export(database, "moodle", file, PREFIX="m2_").returncode == 69
    assert not file.exists()
    assert export(database, "moodle", file, PREFIX="x; DROP TABLE mdl_user").returncode == 64
    assert export(database, "moodle", file, PREFIX="mdl_").returncode == 0


def test_the_daemon_takes_what_was_written_of_thousands_of_users(database: SqlServer, file: Path) -> None:
    """Each genuine key is told from a forged one."""
    database.fill("user", *(gitea_user(n, rands=f"{n:032x}", full_name=NAME) for n in range(1, 5001)))
    assert export(database, "gitea", file).stdout == f"write-users: 5000 users in {file}\n"
    source = LinesSource(str(file))
    source.look()
    for number in (1, 2500, 5000):
        named = FORMS["gitea"].read(gitea_token(number, f"{number:032x}", NOW + 99))
        assert named is not None
        known = source.known(named)
        assert known is not None and named.is_made_with(known)
        forged = FORMS["gitea"].read(gitea_token(number, RANDS, NOW + 99))
        assert forged is not None and not forged.is_made_with(known)


def test_the_daemon_takes_moodles(database: SqlServer, file: Path) -> None:
    """Both keys of an address."""
    moodle(database)
    lines(database, "moodle", file)
    source = LinesSource(str(file))
    source.look()
    named = FORMS["moodle"].read(moodle_key(1, 1, 7, DATA_KEY, USER_KEY))
    assert named is not None
    known = source.known(named)
    assert known is not None and named.is_made_with(known)


def test_it_is_for_one_user_alone_and_nothing_is_left_beside_it(database: SqlServer, file: Path) -> None:
    """Also when an earlier run was killed."""
    (file.parent / "users.jsonl.new-abcdef").write_text("left")
    (file.parent / "users.jsonl.backup").write_text("an operator's")
    database.fill("user", gitea_user(1))
    lines(database, "gitea", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_uid == os.getuid()
    assert sorted(path.name for path in file.parent.iterdir()) == ["users.jsonl", "users.jsonl.backup"]


def test_a_file_is_left_alone_while_nothing_changes(database: SqlServer, file: Path) -> None:
    """Each worker reads a new one. Once an hour it is written all the same: its age says that exports run."""
    database.fill("user", gitea_user(1))
    lines(database, "gitea", file)
    first = file.stat().st_ino, file.stat().st_mtime_ns
    assert export(database, "gitea", file).stdout == ""
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == first
    os.utime(file, (NOW - 4000, NOW - 4000))
    lines(database, "gitea", file)
    assert file.stat().st_mtime > NOW - 100
    database.fill("user", gitea_user(2))
    assert len(lines(database, "gitea", file)) == 2


def good(database: SqlServer, file: Path) -> bytes:
    """A file that was written with thirty users in the database."""
    database.fill("user", *(gitea_user(number) for number in range(1, 31)))
    lines(database, "gitea", file)
    return file.read_bytes()


@pytest.mark.parametrize("lost", ["1 = 1", "id > 14"])
def test_a_database_that_lost_users_leaves_the_file_as_it_is(database: SqlServer, file: Path, lost: str) -> None:
    """Restored half, or not at all."""
    kept = good(database, file)
    database.delete("user", lost)
    done = export(database, "gitea", file)
    assert done.returncode == 65 and "stays as it is" in done.stderr
    assert file.read_bytes() == kept and len(list(file.parent.iterdir())) == 1


def test_data_keys_that_are_lost_leave_the_file_as_it_is(database: SqlServer, file: Path) -> None:
    """Without them all answers would be refused, although the users are there."""
    moodle(database)
    more = [{"id": n, "handler": 1, "datavalue": n, "datakey": DATA_KEY, "expires": None} for n in range(100, 130)]
    database.fill("mdl_messageinbound_datakeys", *more)
    lines(database, "moodle", file)
    kept = file.read_bytes()
    database.delete("mdl_messageinbound_datakeys", "datavalue > 105")
    done = export(database, "moodle", file)
    assert done.returncode == 65 and "11 data keys where 36 were" in done.stderr
    assert file.read_bytes() == kept
    assert export(database, "moodle", file, FEWER="yes").returncode == 0


def test_octets_that_are_no_text_leave_the_file_as_it_is(file: Path) -> None:
    """SQLite alone keeps them; the daemon would refuse the whole file."""
    database = Sqlite().start()
    try:
        database.fill("user", gitea_user(1))
        database.run("UPDATE user SET email = CAST(X'ff40782e6f7267' AS TEXT)")
        done = export(database, "gitea", file)
        assert done.returncode == 65 and "no UTF-8" in done.stderr and not file.exists()
    finally:
        database.stop()


def test_a_database_that_lost_its_table_leaves_the_file_as_it_is(database: SqlServer, file: Path) -> None:
    """While the application is being upgraded, for example."""
    kept = good(database, file)
    database.run(f"DROP TABLE {database.named('user')}")
    try:
        assert export(database, "gitea", file).returncode == 69
    finally:
        database.make("user")
    assert file.read_bytes() == kept and len(list(file.parent.iterdir())) == 1


def test_an_operator_may_say_that_users_are_gone_for_good(database: SqlServer, file: Path) -> None:
    """The message says how."""
    good(database, file)
    database.delete("user", "id > 5")
    assert "FEWER=yes" in export(database, "gitea", file).stderr
    assert export(database, "gitea", file, FEWER="yes").returncode == 0
    assert len(file.read_text().splitlines()) == 5


def test_a_secret_that_the_daemon_would_not_read_is_told_by_its_line(database: SqlServer, file: Path) -> None:
    """And never shown."""
    database.fill("user", gitea_user(1), gitea_user(2, rands="geheimß"))
    done = export(database, "gitea", file)
    assert (done.returncode, file.exists()) == (65, False)
    assert "line 2 " in done.stderr and "geheim" not in done.stderr


def test_exports_into_one_folder_wait_for_each_other(database: SqlServer, file: Path) -> None:
    """Ten at once leave one whole file."""
    database.fill("user", *(gitea_user(number) for number in range(1, 31)))
    command = [str(_PROGRAM), "gitea", database.kind, str(file), *database.options]
    more = {"PATH": "/usr/bin:/bin", "OWNER": f"{os.getuid()}:{os.getgid()}"}
    running = [subprocess.Popen(command, env=more, stdout=subprocess.DEVNULL) for _ in range(10)]
    assert {one.wait(120) for one in running} == {0}
    assert len(file.read_text().splitlines()) == 30 and len(list(file.parent.iterdir())) == 1


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.kind)
def test_a_database_that_is_away_leaves_the_file_as_it_is(kind: type[SqlServer], file: Path) -> None:
    """Stopped, or gone."""
    database = kind()
    try:
        kept = good(database.start(), file)
        database.halt()
        done = export(database, "gitea", file)
        assert done.returncode == 69 and "gave no answer" in done.stderr
        assert file.read_bytes() == kept and len(list(file.parent.iterdir())) == 1
    finally:
        database.stop()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gitea", "sqlite"], "usage"),
        (["gitlab", "sqlite", "/srv/x", "y"], "must be gitea, forgejo or moodle"),
        (["gitea", "oracle", "/srv/x", "y"], "must be postgresql, mysql or sqlite"),
        (["gitea", "sqlite", "users.jsonl", "y"], "absolute path"),
        (["gitea", "sqlite", "/nowhere/users.jsonl", "y"], "there is no folder /nowhere"),
    ],
)
def test_mistakes_are_told(words: list[str], said: str) -> None:
    """Before the database is asked."""
    done = subprocess.run([str(_PROGRAM), *words], capture_output=True, text=True, check=False)
    assert done.returncode in (64, 73) and said in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_root_writes_into_no_folder_of_another_user(tmp_path: Path) -> None:
    """That user could have it write and give away what it likes."""
    database = Sqlite().start()
    try:
        os.chown(tmp_path, 1, 1)
        done = export(database, "gitea", tmp_path / "users.jsonl")
        assert done.returncode == 77 and "runuser -u daemon" in done.stderr
    finally:
        database.stop()


@pytest.mark.parametrize("heading", ["Gitea and Forgejo in PostgreSQL", "Gitea and Forgejo in MySQL"])
def test_a_role_needs_no_more_than_the_page_grants_it(tmp_path: Path, heading: str) -> None:
    """Word for word. It reads no password."""
    database = (Postgresql if heading.endswith("PostgreSQL") else Mariadb)()
    try:
        database.start().fill("user", gitea_user(1))
        reads_what_is_granted(database, heading, "gitea", tmp_path / "users.jsonl")
        assert "denied" in asked(database, f"SELECT passwd FROM {database.named('user')}").lower()  # noqa: S608 # ours
    finally:
        database.stop()


@pytest.mark.parametrize("heading", ["Moodle in PostgreSQL", "Moodle in MySQL"])
def test_a_role_for_moodle(tmp_path: Path, heading: str) -> None:
    """Of the configuration it reads whether addresses may be overridden, and of preferences which."""
    database = (Postgresql if heading.endswith("PostgreSQL") else Mariadb)()
    try:
        moodle(database.start())
        reads_what_is_granted(database, heading, "moodle", tmp_path / "users.jsonl")
        assert "denied" in asked(database, "SELECT firstname FROM mdl_user").lower()
    finally:
        database.stop()


def reads_what_is_granted(database: SqlServer, heading: str, application: str, file: Path) -> None:
    """Do what the page says, and export as the user that it makes."""
    page = (_PROGRAM.parent / "README.md").read_text(encoding="utf-8")
    section = page.partition(f"### {heading}\n")[2].partition("\n#")[0]
    statements = "\n".join(re.findall(r"(?m)^    (.*)$", section))
    assert "GRANT" in statements
    alone = statements.replace("IDENTIFIED VIA unix_socket", "")  # there is no such user on a machine that only tests
    subprocess.run(database.client, input=alone.encode(), check=True, capture_output=True)
    database.user = "reply-milter"
    done = export(database, application, file)
    assert done.returncode == 0, done.stderr


def asked(database: SqlServer, statement: str) -> str:
    """What the database says to that user."""
    done = subprocess.run(database.client, input=f"{statement};".encode(), capture_output=True, check=False)
    return done.stderr.decode()


def test_the_query_of_the_page_asks_the_database_itself(tmp_path: Path) -> None:
    """As a configuration; of each user what a file would say."""
    page = (_PROGRAM.parent / "README.md").read_text(encoding="utf-8")
    block = page.partition("## SQLite on this host")[2].partition("\n## ")[0]
    lines_of_toml = "\n".join(re.findall(r"(?m)^ {4}(.*)$", block))
    handler = config.parse(_AROUND.format(lines_of_toml)).handlers.named("gitea")
    assert handler is not None and handler.wrap is not None and handler.wrap.verification is not None
    query = handler.wrap.verification.source
    assert isinstance(query, Query)
    database = Sqlite().start()
    try:
        database.fill("user", gitea_user(1), gitea_user(2, prohibit_login=True), gitea_user(3, rands=None),
                      gitea_user(4, is_active=None), gitea_user(5, type=1))  # fmt: skip
        database.fill("email_address", gitea_address(7, 1, "home@example.org"), gitea_address(8, 1, "x@e.org", False))
        source = DatabaseSource(database.options[0], query.sql)
        file = tmp_path / "users.jsonl"
        written = {one.user: one.known for one in lines(database, "gitea", file) if isinstance(one, UserLine)}
        for number in range(1, 7):
            named = FORMS["gitea"].read(gitea_token(number, RANDS, NOW + 99))
            assert named is not None
            assert source.known(named) == written.get(number)
        assert written[1].addresses == ("u1@example.net", "home@example.org") and written[2].disabled
    finally:
        database.stop()
