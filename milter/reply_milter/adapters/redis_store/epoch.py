"""Marks in every part of a Redis, by which a loss of data is known."""

import secrets
from collections.abc import Mapping

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.script import Script
from reply_milter.adapters.redis_store.link.target import Kind, read_url
from reply_milter.adapters.redis_store.names import epoch_key
from reply_milter.core.epoch import Mark
from reply_milter.ports import StoreUnavailableError

_PARTS = 64  # of a Cluster's slots: whoever has a tenth of them has one, wherever slots move to


class RedisEpochs:
    """``url`` as for ``RedisStore``; ``timeout_seconds``: for one look at one server."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._connections = RedisConnections(url, timeout_seconds)
        self._keys = [epoch_key(part) for part in range(_PARTS if read_url(url).kind is Kind.CLUSTER else 1)]
        self._script = Script(__package__, "epoch")

    def leave_mark(self, host: str) -> Mapping[str, Mark]:
        """What stands in each part that could be reached, this mark counted.

        Raises:
            StoreUnavailableError: none could.
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
