"""PostgreSQL, MariaDB and SQLite as applications have them: in folders of their own, without a network.

Tables as Gitea's and Moodle's own code makes them, with the columns that matter; xorm and XMLDB choose the types.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.processes.daemon_process import USER, wait_until

_SECONDS = 180.0
Row = Mapping[str, object]
# PostgreSQL's type, MySQL's, SQLite's: of models/user/*.go of Gitea 1.22, and of lib/db/install.xml of Moodle 4.1.
_NUMBER = ("BIGINT", "BIGINT", "INTEGER")
_TEXT = ("VARCHAR(255)", "VARCHAR(255)", "TEXT")
_BOOL = ("BOOLEAN", "TINYINT(1)", "INTEGER")
_FLAG = ("SMALLINT", "TINYINT(1)", "INTEGER")
_LONG = ("VARCHAR(1333)", "VARCHAR(1333)", "TEXT")
_SECRET = ("VARCHAR(32)", "VARCHAR(32)", "TEXT")
_SMALL = ("INTEGER", "INT", "INTEGER")
TABLES = {
    "user": {
        "id": _NUMBER, "lower_name": _TEXT, "name": _TEXT, "full_name": _TEXT, "email": _TEXT, "passwd": _TEXT,
        "type": _SMALL, "rands": _SECRET, "salt": _SECRET, "is_active": _BOOL, "prohibit_login": _BOOL,
    },
    "email_address": {
        "id": _NUMBER, "uid": _NUMBER, "email": _TEXT, "lower_email": _TEXT, "is_activated": _BOOL, "is_primary": _BOOL,
    },
    "mdl_user": {
        "id": _NUMBER, "confirmed": _FLAG, "deleted": _FLAG, "suspended": _FLAG, "username": _TEXT, "firstname": _TEXT,
        "email": _TEXT,
    },
    "mdl_user_private_key": {
        "id": _NUMBER, "script": _TEXT, "value": _TEXT, "userid": _NUMBER, "instance": _NUMBER, "iprestriction": _TEXT,
        "validuntil": _NUMBER, "timecreated": _NUMBER,
    },
    "mdl_user_preferences": {"id": _NUMBER, "userid": _NUMBER, "name": _TEXT, "value": _LONG},
    "mdl_messageinbound_handlers": {
        "id": _NUMBER, "component": _TEXT, "classname": _TEXT, "defaultexpiration": _NUMBER, "validateaddress": _FLAG,
        "enabled": _FLAG,
    },
    "mdl_messageinbound_datakeys": {
        "id": _NUMBER, "handler": _NUMBER, "datavalue": _NUMBER, "datakey": ("VARCHAR(64)", "VARCHAR(64)", "TEXT"),
        "timecreated": _NUMBER, "expires": _NUMBER,
    },
}  # fmt: skip


class SqlServer:
    """A base. ``kind``: as write-users names it; ``options``: what its client is given to reach it."""

    kind = ""
    quote = '"'
    column = 0  # of the types above

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.kind}-"))
        self.folder.chmod(0o755)
        self.user = ""  # else the one that owns everything
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """Of its client."""
        raise NotImplementedError

    @property
    def client(self) -> tuple[str, ...]:
        """A command that runs the statements on its standard input."""
        raise NotImplementedError

    def start(self) -> Self:
        """Start it, with empty tables."""
        for name in TABLES:
            self.make(name)
        return self

    def make(self, table: str) -> None:
        """Make an empty table."""
        columns = ", ".join(f"{self.named(name)} {types[self.column]}" for name, types in TABLES[table].items())
        self.run(f"CREATE TABLE {self.named(table)} ({columns})")

    def named(self, name: str) -> str:
        """A name as this database quotes it."""
        return f"{self.quote}{name}{self.quote}"

    def run(self, *statements: str) -> str:
        """Run statements past what is tested; what they print."""
        text = "".join(f"{one};\n" for one in statements)
        done = subprocess.run(self.client, input=text.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        return done.stdout.decode()

    def fill(self, table: str, *rows: Row) -> None:
        """Put rows into a table."""
        statements = []
        for row in rows:
            columns = ", ".join(map(self.named, row))
            values = ", ".join(self.value(row[name], TABLES[table][name] is _BOOL) for name in row)
            statements.append(f"INSERT INTO {self.named(table)} ({columns}) VALUES ({values})")  # noqa: S608 # ours
        self.run(*statements)

    def value(self, value: object, is_bool: bool) -> str:
        """A value as this database reads it."""
        if value is None:
            return "NULL"
        if isinstance(value, str):
            return self.text(value)
        return str(bool(value)).lower() if is_bool else str(value)

    def text(self, value: str) -> str:
        """A text as this database reads it."""
        return "'" + value.replace("'", "''") + "'"

    def clear(self) -> None:
        """Empty all tables."""
        for name in TABLES:
            self.delete(name)

    def delete(self, table: str, which: str = "1 = 1") -> None:
        """Delete rows of a table."""
        self.run(f"DELETE FROM {self.named(table)} WHERE {which}")  # noqa: S608 # ours

    def halt(self) -> None:
        """End the server, and leave its files."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, and remove its files."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serve(self, *command: str) -> None:
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", user=USER, group=USER)
        ask = (*self.client,)
        wait_until(
            lambda: subprocess.run(ask, input=b"SELECT 1;", capture_output=True).returncode == 0,
            _SECONDS,
            f"{self.kind} answers: {(self.folder / 'log').read_text(errors='replace')[-2000:]}",
        )


class Postgresql(SqlServer):
    """Of Debian's package, found where that puts it."""

    kind = "postgresql"

    def start(self) -> Self:
        """Make a cluster, and start its server."""
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        data = self.folder / "data"
        data.mkdir()
        shutil.chown(data, USER, USER)
        shutil.chown(self.folder, USER)
        made = (str(programs / "initdb"), "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
        subprocess.run((*made, "--locale=C.UTF-8"), check=True, capture_output=True, cwd="/", user=USER, group=USER)
        settings = ("-c", "listen_addresses=", "-k", str(self.folder), "-c", "fsync=off")
        self._serve(str(programs / "postgres"), "-D", str(data), *settings)
        return super().start()

    @property
    def options(self) -> tuple[str, ...]:
        """The folder of its socket, a role, a database."""
        return (f"--host={self.folder}", f"--username={self.user or 'tests'}", "--dbname=postgres")

    @property
    def client(self) -> tuple[str, ...]:
        """psql."""
        return ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *self.options)


class Mariadb(SqlServer):
    """Of Debian's package."""

    kind, quote, column = "mysql", "`", 1

    def start(self) -> Self:
        """Make its files, and start its server."""
        shutil.chown(self.folder, USER)
        data = f"--datadir={self.folder / 'data'}"
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", data, f"--user={USER}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        more = (
            "--skip-networking",
            "--innodb-use-native-aio=0",
            "--innodb-flush-log-at-trx-commit=0",
            f"--pid-file={self.folder / 'pid'}",
        )
        self._serve("/usr/sbin/mariadbd", "--no-defaults", data, f"--socket={self.folder / 'sock'}", *more)
        self.run("CREATE DATABASE application CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        return super().start()

    @property
    def options(self) -> tuple[str, ...]:
        """A file with its socket, as operators have one for a password; and the database."""
        path = self.folder / "client.cnf"
        path.write_text(f"[client]\nuser={self.user or 'root'}\nsocket={self.folder / 'sock'}\n")
        return (f"--defaults-extra-file={path}", "--database=application")

    @property
    def client(self) -> tuple[str, ...]:
        """The client, in the database once there is one."""
        there = (self.folder / "data/application").is_dir()
        plain = ("mariadb", *self.options[:1], "--batch", "--default-character-set=utf8mb4")
        return (*plain, "application") if there else plain

    def text(self, value: str) -> str:
        """Backslashes mean something here."""
        return super().text(value.replace("\\", "\\\\"))


class Sqlite(SqlServer):
    """A file."""

    kind, column = "sqlite", 2

    @property
    def options(self) -> tuple[str, ...]:
        """The file."""
        return (str(self.folder / "application.db"),)

    @property
    def client(self) -> tuple[str, ...]:
        """sqlite3."""
        return ("sqlite3", "-init", "/dev/null", "-bail", *self.options)

    def value(self, value: object, is_bool: bool) -> str:
        """Gitea's driver writes 0 and 1."""
        return str(int(bool(value))) if is_bool and value is not None else super().value(value, is_bool)

    def halt(self) -> None:
        """What a file can suffer: it is gone."""
        (self.folder / "application.db").unlink(missing_ok=True)


SERVERS = (Postgresql, Mariadb, Sqlite)
