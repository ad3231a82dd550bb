"""A query to an application's SQLite database, opened read-only for each question."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import quote

from reply_milter.adapters.native_sources.health import Health, Told
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import SECRET_CHARACTERS, Known, usable_address
from reply_milter.ports.native_source import SourceUnavailableError

_BUSY_SECONDS = 0.1  # how long a writer may keep us waiting
_SECONDS = 0.2  # for a whole query
_STEPS = 1000  # of SQLite's virtual machine between two looks at the clock
_ROWS = 100


class DatabaseSource:
    """``sql`` returns a row for each address of a user: secret, address, disabled; of those, only secret is needed.

    For Moodle also data_secret, expires and data_disabled. No row: an unknown user.
    """

    def __init__(self, path: str, sql: str, told: Told | None = None) -> None:
        self._uri = f"file:{quote(path)}?mode=ro"
        self._sql = sql
        self._health = Health(self._uri, told)

    def look(self) -> None:
        """Nothing to be done: each question opens it."""

    def start(self) -> None:
        """Nothing to be done."""

    def close(self) -> None:
        """Nothing to be done."""

    def known(self, named: Named) -> Known | None:
        """See ``ports.NativeSources``."""
        return self.answered(named).known

    def answered(self, named: Named) -> "Answered":
        """Ask, as ``known`` does.

        Raises:
            SourceUnavailableError: the database, or what it returned, is of no use.
        """
        asked = {"user": named.user, "handler": named.handler, "data": named.data}
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=_BUSY_SECONDS)) as database:
                database.row_factory = sqlite3.Row
                until = time.monotonic() + _SECONDS
                database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
                answered = _answered(database.execute(self._sql, asked))
        except (sqlite3.Error, OverflowError, SourceUnavailableError) as error:
            self._health.note(f"gave no answer: {error}", "")
            raise SourceUnavailableError(f"the database gave no answer: {error}") from error
        self._health.note("", "answers")
        return answered


class Answered(NamedTuple):
    """Whom the database knows, None for nobody; and the names of the columns, which it returns in any case."""

    known: Known | None
    columns: frozenset[str]


def _answered(answer: sqlite3.Cursor) -> Answered:
    columns = frozenset(column[0] for column in answer.description or ())
    if "secret" not in columns:
        raise SourceUnavailableError("the query returns no column secret")
    return Answered(_known([dict(row) for row in answer.fetchmany(_ROWS)]), columns)


def _known(rows: list[Mapping[str, Any]]) -> Known | None:
    if not rows:
        return None
    first = rows[0]
    secret, data_secret = first.get("secret"), first.get("data_secret") or ""
    for text in (secret, data_secret):
        if not isinstance(text, str) or len(text) > SECRET_CHARACTERS or not text.isascii():
            raise SourceUnavailableError("the query returned no text as a secret")
    if not secret:
        return None
    expires = first.get("expires")
    expires = 0 if expires is None else expires
    if not isinstance(expires, int):
        raise SourceUnavailableError("the query returned no whole number as expires")
    addresses = (row.get("address") for row in rows)
    found = tuple(usable_address(one) for one in addresses if isinstance(one, str) and one)
    disabled, data_disabled = (any(row.get(name) for row in rows) for name in ("disabled", "data_disabled"))
    return Known(secret, found, disabled, data_secret, expires, data_disabled)
