"""What this machine remembers of deliveries: how far each came, and what is parked. One SQLite file."""

from reply_milter.adapters.delivery_record.database import RecordDamagedError, RecordError, open_database
from reply_milter.adapters.delivery_record.ledger import SqliteLedger
from reply_milter.adapters.delivery_record.parking import SqliteParking

__all__ = ["RecordDamagedError", "RecordError", "SqliteLedger", "SqliteParking", "open_database"]
