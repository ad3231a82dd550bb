"""What this machine remembers of deliveries: how far each came, what is parked, and what was asked. One SQLite file."""

from reply_milter.adapters.delivery_record.database import RecordDamagedError, RecordError, open_database
from reply_milter.adapters.delivery_record.ledger import SqliteLedger
from reply_milter.adapters.delivery_record.parking import SqliteParking
from reply_milter.adapters.delivery_record.questions import SqliteQuestions
from reply_milter.adapters.delivery_record.room import SqliteParkingRoom

__all__ = [
    "RecordDamagedError",
    "RecordError",
    "SqliteLedger",
    "SqliteParking",
    "SqliteParkingRoom",
    "SqliteQuestions",
    "open_database",
]
