"""What the steps of a turn ask the store, sent together: all of them in one go where the store has a pipeline.

The rest goes to threads that may wait: a store that is not connected, or none of a single plain server, to a few; and
others than the store, like an application's database, to more of their own. A slow application delays no store.
"""

import math
import select
from collections.abc import Callable
from typing import Any, Final, final

from reply_milter.adapters.milter_loop.connection import Connection
from reply_milter.adapters.milter_loop.question import Question
from reply_milter.adapters.milter_loop.question_pool import QuestionPool
from reply_milter.ports import Asked, Consult, Store, StorePipeline

GiveAnswer = Callable[[Connection, Any, Exception | None], None]
PipelineOf = Callable[[Store, "Watched"], StorePipeline | None]
_STORE_THREADS: Final = 8
_OTHER_THREADS: Final = 32  # libmilter has one for each step that waits


@final
class Watched:
    """Implements ``ports.Watcher`` for one pipeline, on the loop's ``epoll``."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self.descriptors: Final[dict[int, int]] = {}

    def watch(self, descriptor: int, writing: bool) -> None:
        """See ``ports.Watcher``."""
        events = select.EPOLLIN | (select.EPOLLOUT if writing else 0)
        if descriptor not in self.descriptors:
            self._epoll.register(descriptor, events)
        elif self.descriptors[descriptor] != events:
            self._epoll.modify(descriptor, events)
        self.descriptors[descriptor] = events

    def unwatch(self, descriptor: int) -> None:
        """See ``ports.Watcher``."""
        if self.descriptors.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)


@final
class Asking:
    """``give`` takes each answer to the connection that asked. ``pipeline_of`` makes the pipeline of a store."""

    def __init__(self, epoll: select.epoll, give: GiveAnswer, pipeline_of: PipelineOf) -> None:
        self._watched = Watched(epoll)
        self._give = give
        self._pipeline_of = pipeline_of
        self._pool = QuestionPool(_STORE_THREADS)
        self._others = QuestionPool(_OTHER_THREADS)
        self._asked: list[tuple[Asked, Question]] = []
        # By the store's identity; one, and the canary's, but for a moment after a reload.
        self._pipelines: dict[int, tuple[Store, StorePipeline | None]] = {}
        for pool in (self._pool, self._others):
            epoll.register(pool.descriptor, select.EPOLLIN)

    def add(self, connection: Connection, question: Question) -> None:
        """Note that the step of this connection asks; ``send`` sends all. Others than the store are asked at once."""
        request = question.request
        if isinstance(request, Consult):
            self._others.ask(connection, question)
        else:
            self._asked.append((Asked(connection, request), question))

    def owns(self, descriptor: int) -> bool:
        """Whether an event of ``descriptor`` is one of ours: call ``collect``."""
        pools = self._pool.descriptor, self._others.descriptor
        return descriptor in pools or descriptor in self._watched.descriptors

    @property
    def deadline(self) -> float:
        """When ``collect`` must be called at the latest, in monotonic seconds."""
        earliest = math.inf
        for _, pipeline in self._pipelines.values():
            due = pipeline.deadline if pipeline is not None else None
            if due is not None and due < earliest:
                earliest = due
        return earliest

    def send(self) -> None:
        """Ask each store what was added since: in one go where its pipeline takes it, else by threads."""
        while self._asked:
            store = self._asked[0][1].store
            together = [one for one in self._asked if one[1].store is store]
            others = len(together) < len(self._asked)
            self._asked = [one for one in self._asked if one[1].store is not store] if others else []
            pipeline = self._pipeline(store)
            if pipeline is None or not pipeline.ask([asked for asked, _ in together]):
                for asked, question in together:
                    self._pool.ask(asked.by, question)

    def _pipeline(self, store: Store) -> StorePipeline | None:
        """Return the pipeline of a store. With a new store, leave those that nobody waits for."""
        known = self._pipelines.get(id(store))
        if known is None:
            self._leave_old_ones()
            known = self._pipelines[id(store)] = store, self._pipeline_of(store, self._watched)
        return known[1]

    def _leave_old_ones(self) -> None:
        for number, (_, pipeline) in list(self._pipelines.items()):
            if pipeline is None or pipeline.deadline is None:
                del self._pipelines[number]
                if pipeline is not None:
                    pipeline.close()

    def collect(self) -> None:
        """Give out the answers that have arrived."""
        for pool in (self._pool, self._others):
            for connection, answer, failure in pool.collect():
                self._give(connection, answer, failure)
        for _, pipeline in list(self._pipelines.values()):
            if pipeline is not None:
                self._collect_from(pipeline)

    def _collect_from(self, pipeline: StorePipeline) -> None:
        for one in pipeline.answers():
            question = one.by.session.steps.question
            if one.unasked and question is not None:
                self._pool.ask(one.by, question)
            else:
                self._give(one.by, one.answer, one.failure)
