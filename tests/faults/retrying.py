"""Clients that try again, as an MTA does: after a 4xx, a dropped connection or silence. One record a message."""

import heapq
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tests.faults.letters import Letter

UNTAGGED = "untagged"  # the verdict of what arrives without a good X-Reply-Verdict
_LONGEST_WAIT = 1.0  # seconds between two tries of one message, unless the first wait was longer


@dataclass(frozen=True, slots=True)
class Answer:
    """What one try came to. ``text``: the last answer, empty if the connection was lost; times are seconds.

    ``last``: from the last command (mostly the final dot) to its answer. ``slowest``: the same of the slowest command.
    ``arrival``: the replay tag, or UNTAGGED, of a message that the client itself took in, where it plays the MTA.
    """

    text: str
    last: float = 0.0
    slowest: float = 0.0
    arrival: str = ""

    @property
    def final(self) -> bool:
        """A yes, or a no for good."""
        return self.text[:1] in ("2", "5")


@dataclass(slots=True)
class Record:
    """Everything about one message. ``verdicts``: one of each arrival."""

    letter: Letter
    answers: list[Answer] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """The client heard a yes."""
        return bool(self.answers) and self.answers[-1].text.startswith("2")


class Door(Protocol):
    """One client's way to the host."""

    def attempt(self, letter: Letter) -> Answer:
        """Try once. A lost connection is an answer without text."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class Load:
    """``clients`` threads send ``given``; what is put off is tried again after ``wait`` seconds, and then ever later.

    Meanwhile others go first. No message is begun again after ``patience`` seconds.
    """

    def __init__(
        self,
        open_door: Callable[[], Door],
        given: Iterator[Letter],
        clients: int = 4,
        patience: float = 90.0,
        wait: float = 0.05,
    ) -> None:
        self._given, self._patience, self._open_door, self._wait = given, patience, open_door, wait
        self._lock = threading.Condition()
        self._deferred: list[tuple[float, int, Record]] = []
        self._under_way = 0
        self.records: list[Record] = []
        self.began = self.ended = 0.0
        self._accidents: list[BaseException] = []
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def start(self) -> "Load":
        """Begin."""
        self.began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def finish(self) -> "Load":
        """Wait until every message has its final answer, or was given up."""
        for thread in self._threads:
            thread.join()
        self.ended = time.monotonic()
        if self._accidents:
            raise self._accidents[0]
        return self

    @property
    def waiting(self) -> int:
        """How many messages are put off at the moment."""
        return len(self._deferred)

    @property
    def seconds(self) -> float:
        """From start to end."""
        return self.ended - self.began

    def _client(self) -> None:
        door = self._open_door()
        try:
            while (record := self._next()) is not None:
                record.answers.append(door.attempt(record.letter))
                self._put_back(record)
        except BaseException as accident:  # noqa: BLE001 # told by finish(); other clients must not wait for this one
            self._accidents.append(accident)
        finally:
            door.close()

    def _next(self) -> Record | None:
        """What is due: put off before, or new; None when all is done."""
        with self._lock:
            while True:
                if self._deferred and self._deferred[0][0] <= time.monotonic():
                    record = heapq.heappop(self._deferred)[2]
                elif (letter := next(self._given, None)) is not None:
                    record = Record(letter)
                    self.records.append(record)
                elif (self._deferred or self._under_way) and not self._accidents:
                    self._lock.wait(0.02)
                    continue
                else:
                    return None
                self._under_way += 1
                return record

    def _put_back(self, record: Record) -> None:
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
