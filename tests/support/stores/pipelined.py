"""A pipeline to a store, with a thread that waits for its answers by polling."""

import select
import time
from collections.abc import Sequence
from typing import Any

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.flows.driving import put
from reply_milter.ports import Answered, Asked, Claim, StorePipeline, StoreRequest


class Pipelined:
    """Implements ``ports.Watcher``."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.watched: dict[int, bool] = {}
        self._poll = select.poll()
        pipeline = store.pipeline(self)
        assert pipeline is not None
        self.pipeline: StorePipeline = pipeline

    def watch(self, descriptor: int, writing: bool) -> None:
        """See ``ports.Watcher``."""
        self.watched[descriptor] = writing
        self._poll.register(descriptor, select.POLLIN | (select.POLLOUT if writing else 0))

    def unwatch(self, descriptor: int) -> None:
        """See ``ports.Watcher``."""
        del self.watched[descriptor]
        self._poll.unregister(descriptor)

    def connected(self) -> "Pipelined":
        """Have the store connect, and Redis have its scripts, as it does for who may wait."""
        first = Claim("firsttokenfir", "firstmessagef", b"content", b"owner", 1)
        self.store.claim(first)
        self.store.release(first)
        return self

    def ask(self, *requests: StoreRequest) -> bool:
        """Ask; each request is known by its number."""
        return self.pipeline.ask([Asked(number, request) for number, request in enumerate(requests)])

    def collect(self, count: int, seconds: float = 5.0) -> list[Answered]:
        """Wait for ``count`` answers as a loop does: for octets, until the deadline."""
        found: list[Answered] = []
        end = time.monotonic() + seconds
        while len(found) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} answers"
            self.wait(end)
            found += self.pipeline.answers()
        return found

    def wait(self, end: float) -> None:
        """Wait for something to read or write, until the pipeline's deadline or ``end``."""
        deadline = min(end, self.pipeline.deadline or end)
        self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000 + 1)

    def answers(self, requests: Sequence[StoreRequest]) -> list[Any]:
        """Ask all in one go; return the answers in the order of the requests. What the pipeline leaves, is put."""
        if not self.ask(*requests):
            return [put(request, self.store) for request in requests]
        found = {one.by: one for one in self.collect(len(requests))}
        return [self._answer(found[number], request) for number, request in enumerate(requests)]

    def _answer(self, found: Answered, request: StoreRequest) -> Any:
        if found.failure is not None:
            raise found.failure
        return put(request, self.store) if found.unasked else found.answer
