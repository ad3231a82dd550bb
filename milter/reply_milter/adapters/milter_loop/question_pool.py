"""Threads that ask the store, or others, and wait: for what cannot be asked together with a turn's other questions."""

import os
import queue
import threading
from collections import deque
from contextlib import suppress
from typing import Any, Final, NamedTuple, final

from reply_milter.adapters.milter_loop.question import Question
from reply_milter.flows.driving import put


class Answered(NamedTuple):
    """What a question was answered, or what was raised instead."""

    asker: Any
    answer: Any
    failure: Exception | None


@final
class QuestionPool:
    """``descriptor`` is readable when there are answers to collect. ``most``: of threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.descriptor: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asked: queue.SimpleQueue[tuple[Any, Question]] = queue.SimpleQueue()
        self._answered: deque[Answered] = deque()
        self._open = 0
        self._threads = 0

    def ask(self, asker: Any, question: Question) -> None:
        """Have a thread ask; ``asker`` is returned with the answer."""
        self._open += 1
        failure = self._start_one() if self._threads < min(self._open, self._most) else None
        if self._threads:
            self._asked.put((asker, question))
        else:
            self._give(Answered(asker, None, failure))

    def _start_one(self) -> Exception | None:
        """Start a thread. If the system has none left, those that run do the work; without any, the question fails."""
        try:
            threading.Thread(target=self._work, name="question", daemon=True).start()
        except RuntimeError as error:
            return error
        self._threads += 1
        return None

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
            self._give(answered)

    def _give(self, answered: Answered) -> None:
        self._answered.append(answered)
        os.eventfd_write(self.descriptor, 1)
