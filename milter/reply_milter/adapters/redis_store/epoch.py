"""Marks in every part of a Redis; a mark that is missing or older shows a loss of data."""

import secrets
from collections.abc import Mapping

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.script import Script
from reply_milter.adapters.redis_store.link.target import Kind, read_url
from reply_milter.adapters.redis_store.names import epoch_key
from reply_milter.core.epoch import Mark
from reply_milter.ports import StoreUnavailableError

_PARTS = 64  # keys spread over a Cluster's slots: a master with a tenth of them has at least one


class RedisEpochs:
    """``url`` as for ``RedisStore``; ``timeout_seconds``: for one operation on one server."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._connections = RedisConnections(url, timeout_seconds)
        self._keys = [epoch_key(part) for part in range(_PARTS if read_url(url).kind is Kind.CLUSTER else 1)]
        self._script = Script(__package__, "epoch")

    def leave_mark(self, host: str) -> Mapping[str, Mark]:
        """Leave a mark of ``host`` in each part that can be reached; return all marks there, this one included.

        Raises:
            StoreUnavailableError: no part can be reached.
        """
        self._connections.make_sure()
        marks: dict[str, Mark] = {}
        failure: StoreUnavailableError | None = None
        for part in self._connections.apart(self._keys):
            keys = [self._keys[number] for number in part]
            try:
                with self._connections.operation("epoch") as call:
                    found = self._script.run_each(call, [(key, secrets.token_hex(8), host) for key in keys])
            except StoreUnavailableError as error:
                failure = error
                continue
            marks |= {key: Mark(bytes(id).decode(), int(count)) for key, (id, count) in zip(keys, found, strict=True)}
        if failure is not None and not marks:
            raise failure
        return marks
