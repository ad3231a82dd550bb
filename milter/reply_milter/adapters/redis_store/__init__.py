"""Redis: the store of the flows, and the registry of operators."""

from reply_milter.adapters.redis_store.condition import RedisObserver
from reply_milter.adapters.redis_store.connection import ERROR_KINDS, StoreTelemetry, url_mistake
from reply_milter.adapters.redis_store.registry import RedisRegistry
from reply_milter.adapters.redis_store.store import OPERATIONS, RedisStore

__all__ = ["ERROR_KINDS", "OPERATIONS", "RedisObserver", "RedisRegistry", "RedisStore", "StoreTelemetry", "url_mistake"]
