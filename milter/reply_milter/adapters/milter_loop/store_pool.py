"""A few threads that ask the store and wait: for what cannot be asked together with the other questions of a turn."""

import os
import queue
import threading
from collections import deque
from contextlib import suppress
from typing import Any, Final, NamedTuple, final

from reply_milter.adapters.milter_loop.question import Question
from reply_milter.flows.driving import put

_THREADS: Final = 8


class Answered(NamedTuple):
    """What the store answered to a question, or what it raised."""

    asker: Any
    answer: Any
    failure: Exception | None


@final
class StorePool:
    """``descriptor`` is readable when there are answers to collect."""

    def __init__(self) -> None:
        self.descriptor: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asked: queue.SimpleQueue[tuple[Any, Question]] = queue.SimpleQueue()
        self._answered: deque[Answered] = deque()
        self._open = 0
        self._threads = 0

    def ask(self, asker: Any, question: Question) -> None:
        """Have a thread ask; ``asker`` is returned with the answer."""
        self._open += 1
        if self._threads < min(self._open, _THREADS):
            self._threads += 1
            threading.Thread(target=self._work, name="store", daemon=True).start()
        self._asked.put((asker, question))

    def collect(self) -> list[Answered]:
        """Return the answers that have come since."""
        if not self._open:
            return []
        with suppress(BlockingIOError):  # nothing came
            os.eventfd_read(self.descriptor)
        found = [self._answered.popleft() for _ in range(len(self._answered))]
        self._open -= len(found)
        return found

    def _work(self) -> None:
        while True:
            asker, question = self._asked.get()
            try:
                answered = Answered(asker, put(question.request, question.store), None)
            except Exception as error:  # noqa: BLE001 # the steps know what they expect
                answered = Answered(asker, None, error)
            self._answered.append(answered)
            os.eventfd_write(self.descriptor, 1)
