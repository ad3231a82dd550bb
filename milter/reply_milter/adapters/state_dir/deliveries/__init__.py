"""The record of deliveries of this host: how far each came, what is parked, and what users were asked.

``delivery/deliveries.sqlite`` holds all of it, ``delivery/held`` the locks of deliveries that run; ``database`` says in
which tables, and how safe they are. ``ledger``, ``parking`` and ``questions`` work on them for the hook; ``room`` reads
for the milter.
"""

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
