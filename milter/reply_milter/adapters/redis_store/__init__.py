"""Redis: the store of the flows, and the registry of operators."""

from reply_milter.adapters.redis_store.condition import RedisObserver
from reply_milter.adapters.redis_store.connection import ERROR_KINDS, StoreTelemetry
from reply_milter.adapters.redis_store.deadline import url_mistake
from reply_milter.adapters.redis_store.inspection import COMMANDS, RedisInspection
from reply_milter.adapters.redis_store.registry import RedisRegistry
from reply_milter.adapters.redis_store.store import OPERATIONS, RedisStore

__all__ = [
    "COMMANDS",
    "ERROR_KINDS",
    "OPERATIONS",
    "RedisInspection",
    "RedisObserver",
    "RedisRegistry",
    "RedisStore",
    "StoreTelemetry",
    "url_mistake",
]
