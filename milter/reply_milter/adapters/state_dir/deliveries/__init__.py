"""What this machine remembers of deliveries: how far each came, what is parked, and what was asked. One SQLite file."""

from reply_milter.adapters.state_dir.deliveries.database import RecordDamagedError, RecordError, open_database
from reply_milter.adapters.state_dir.deliveries.ledger import SqliteLedger
from reply_milter.adapters.state_dir.deliveries.parking import SqliteParking
from reply_milter.adapters.state_dir.deliveries.questions import SqliteQuestions
from reply_milter.adapters.state_dir.deliveries.room import SqliteParkingRoom

__all__ = [
    "RecordDamagedError",
    "RecordError",
    "SqliteLedger",
    "SqliteParking",
    "SqliteParkingRoom",
    "SqliteQuestions",
    "open_database",
]
