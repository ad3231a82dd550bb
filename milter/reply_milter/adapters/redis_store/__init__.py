"""Redis: the store of the flows, and the registry of operators."""

from reply_milter.adapters.redis_store.condition import RedisObserver
from reply_milter.adapters.redis_store.epoch import RedisEpochs
from reply_milter.adapters.redis_store.inspection import COMMANDS, RedisInspection
from reply_milter.adapters.redis_store.link.errors import ERROR_KINDS
from reply_milter.adapters.redis_store.link.operation import StoreTelemetry
from reply_milter.adapters.redis_store.link.target import shown
from reply_milter.adapters.redis_store.link.url import url_mistake
from reply_milter.adapters.redis_store.mailbox_turns import TURN_OPERATIONS, MailboxPlace, RedisMailboxTurns
from reply_milter.adapters.redis_store.registry import RedisRegistry
from reply_milter.adapters.redis_store.store import MINTING_OPERATIONS, OPERATIONS, RedisStore

__all__ = [
    "COMMANDS",
    "ERROR_KINDS",
    "MINTING_OPERATIONS",
    "OPERATIONS",
    "TURN_OPERATIONS",
    "MailboxPlace",
    "RedisEpochs",
    "RedisInspection",
    "RedisMailboxTurns",
    "RedisObserver",
    "RedisRegistry",
    "RedisStore",
    "StoreTelemetry",
    "shown",
    "url_mistake",
]
