"""Redis: the store of the flows, and the registry of operators."""

from reply_milter.adapters.redis_store.condition import RedisObserver
from reply_milter.adapters.redis_store.epoch import RedisEpochs
from reply_milter.adapters.redis_store.errors import ERROR_KINDS
from reply_milter.adapters.redis_store.inspection import COMMANDS, RedisInspection
from reply_milter.adapters.redis_store.operation import StoreTelemetry
from reply_milter.adapters.redis_store.registry import RedisRegistry
from reply_milter.adapters.redis_store.store import OPERATIONS, RedisStore
from reply_milter.adapters.redis_store.target import shown
from reply_milter.adapters.redis_store.url import url_mistake

__all__ = [
    "COMMANDS",
    "ERROR_KINDS",
    "OPERATIONS",
    "RedisEpochs",
    "RedisInspection",
    "RedisObserver",
    "RedisRegistry",
    "RedisStore",
    "StoreTelemetry",
    "shown",
    "url_mistake",
]
