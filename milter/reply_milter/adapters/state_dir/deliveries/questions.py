"""Record what users were asked about parked replies. Implements ``ports.parking.Questions``.

Tables ``question`` and ``silence`` of the database; the column ``question`` of ``parked`` says which question lists a
reply. Each method is one transaction, on disk when it returns.
"""

from collections.abc import Sequence

from reply_milter.adapters.state_dir.deliveries.database import Database
from reply_milter.core.delivery.parked import AskedQuestion

_SELECT = "SELECT id, user, message_id, made, until, sent FROM question "


class SqliteQuestions:
    """Works on the database of parked replies: a question and its list are recorded in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, question: AskedQuestion, listed: Sequence[str]) -> None:
        """See ``ports.parking.Questions``."""
        row = (question.id, question.user, question.message_id, question.made, question.until, question.sent)
        with self._database.transaction() as sql:
            sql.execute("INSERT INTO question (id, user, message_id, made, until, sent) VALUES (?, ?, ?, ?, ?, ?)", row)
            sql.executemany(
                "UPDATE parked SET question = ?, until = ? WHERE id = ? AND question = 0 AND released = 0",
                [(question.id, question.until, one) for one in listed],
            )

    def find(self, identifier: int) -> AskedQuestion | None:
        """See ``ports.parking.Questions``."""
        with self._database.transaction() as sql:
            row = sql.execute(_SELECT + "WHERE id = ?", (identifier,)).fetchone()
        return AskedQuestion(*row) if row else None

    def of(self, user: int) -> list[AskedQuestion]:
        """See ``ports.parking.Questions``."""
        query = _SELECT + "WHERE user = ? ORDER BY made, id"
        with self._database.transaction() as sql:
            return [AskedQuestion(*row) for row in sql.execute(query, (user,))]

    def mark_sent(self, identifier: int, now: int) -> None:
        """See ``ports.parking.Questions``."""
        with self._database.transaction() as sql:
            sql.execute("UPDATE question SET sent = ? WHERE id = ?", (now, identifier))
            sql.execute("UPDATE parked SET asked = ? WHERE question = ?", (now, identifier))

    def close(self, identifier: int) -> None:
        """See ``ports.parking.Questions``."""
        with self._database.transaction() as sql:
            sql.execute("DELETE FROM question WHERE id = ?", (identifier,))

    def silence(self, token_id: str, until: int) -> None:
        """See ``ports.parking.Questions``."""
        with self._database.transaction() as sql:
            sql.execute("INSERT OR REPLACE INTO silence VALUES (?, ?)", (token_id, until))

    def silenced(self, now: int) -> set[str]:
        """See ``ports.parking.Questions``."""
        with self._database.transaction() as sql:
            return {token_id for (token_id,) in sql.execute("SELECT token_id FROM silence WHERE until > ?", (now,))}

    def forget(self, now: int) -> None:
        """See ``ports.parking.Questions``."""
        with self._database.transaction() as sql:
            sql.execute("DELETE FROM silence WHERE until <= ?", (now,))
            sql.execute("DELETE FROM question WHERE id NOT IN (SELECT question FROM parked)")
