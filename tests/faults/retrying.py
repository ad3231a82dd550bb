"""Clients that retry like an MTA: after a 4xx, a lost connection or a time-out. One record per message."""

import heapq
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tests.faults.letters import Letter

UNTAGGED = "untagged"  # the verdict of a message that arrives without a valid X-Reply-Verdict
_LONGEST_WAIT = 1.0  # seconds between two tries of one message, unless the first wait was longer


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one try. ``text``: the last answer, empty if the connection was lost; times are seconds.

    ``last``: from the last command (mostly the final dot) to its answer. ``slowest``: the same of the slowest command.
    ``arrival``: the replay tag, or UNTAGGED, of a message that a ``MilterClient`` received.
    """

    text: str
    last: float = 0.0
    slowest: float = 0.0
    arrival: str = ""

    @property
    def final(self) -> bool:
        """Whether the answer is 2xx or 5xx."""
        return self.text[:1] in ("2", "5")


@dataclass(slots=True)
class Record:
    """Everything about one message. ``verdicts``: one per arrival."""

    letter: Letter
    answers: list[Answer] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """Whether the last answer was 2xx."""
        return bool(self.answers) and self.answers[-1].text.startswith("2")


class Client(Protocol):
    """Sends messages to the host, over one connection at a time."""

    def attempt(self, letter: Letter) -> Answer:
        """Try once. A lost connection is an answer without text."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Load:
    """Sends ``given`` with ``clients`` threads; retries a deferred message after ``wait`` seconds.

    Later waits are longer. Other messages go first meanwhile. No message is retried after ``patience`` seconds.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        given: Iterator[Letter],
        clients: int = 4,
        patience: float = 90.0,
        wait: float = 0.05,
    ) -> None:
        self._given, self._patience, self._connect, self._wait = given, patience, connect, wait
        self._lock = threading.Condition()
        self._deferred: list[tuple[float, int, Record]] = []
        self._under_way = 0
        self.records: list[Record] = []
        self.began = self.ended = 0.0
        self._errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def start(self) -> "Load":
        """Start the threads."""
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def finish(self) -> "Load":
        """Wait until every message has its final answer, or ``patience`` has passed."""
        for thread in self._threads:
            thread.join()
        self.ended = time.monotonic()
        if self._errors:
            raise self._errors[0]
        return self

    @property
    def waiting(self) -> int:
        """How many deferred messages wait for a retry."""
        return len(self._deferred)

    @property
    def seconds(self) -> float:
        """Seconds from start to end."""
        return self.ended - self.began

    def _client(self) -> None:
        client = self._connect()
        try:
            while (record := self._next()) is not None:
                record.answers.append(client.attempt(record.letter))
                self._requeue(record)
        except BaseException as error:  # noqa: BLE001 # raised by finish(); other clients must not wait for this one
            self._errors.append(error)
        finally:
            client.close()

    def _next(self) -> Record | None:
        """Return the next message, deferred or new; None when all are done."""
        with self._lock:
            while True:
                if self._deferred and self._deferred[0][0] <= time.monotonic():
                    record = heapq.heappop(self._deferred)[2]
                elif (letter := next(self._given, None)) is not None:
                    record = Record(letter)
                    self.records.append(record)
                elif (self._deferred or self._under_way) and not self._errors:
                    self._lock.wait(0.02)
                    continue
                else:
                    return None
                self._under_way += 1
                return record

    def _requeue(self, record: Record) -> None:
        answer = record.answers[-1]
        if answer.arrival:
            record.verdicts.append(answer.arrival)
        with self._lock:
            self._under_way -= 1
            tried = len(record.answers)
            due = time.monotonic() + min(max(self._wait, _LONGEST_WAIT), self._wait * 2 ** min(tried - 1, 8))
            if not answer.final and due - self.began < self._patience:
                heapq.heappush(self._deferred, (due, record.letter.seq, record))
            self._lock.notify()
