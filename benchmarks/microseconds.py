"""Measure the parts of one message's time: the callbacks of one worker on one thread, without libmilter and MTA.

    python -m benchmarks.microseconds

Runs the same messages without some of the parts, and prints the differences: medians of rounds, in CPU microseconds
of this process per message (without those of Redis).
"""

import logging
import os
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import mails
from benchmarks.filters import DOMAIN
from benchmarks.processes import Tree, wait_until
from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import OPERATIONS, embedded
from reply_milter.cli import init
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.flows.verifying.rehearsal import LastDecision, NoStore
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, open_store

ROUNDS, MESSAGES = 15, 400
_REFUSED = (1, 4)  # SMFIS_REJECT, SMFIS_TEMPFAIL
_UNREAD = (b"L", b"B")  # commands whose macros libmilter keeps and the callbacks never ask for
Packets = list[tuple[str, list[bytes]]]


class Context:
    """The part of pymilter's context that the callbacks use."""

    def __init__(self) -> None:
        self.private: Any = None
        self.macros: dict[str, str] = {}

    def getpriv(self) -> Any:
        """Return the kept value."""
        return self.private

    def setpriv(self, private: Any) -> None:
        """Keep a value."""
        self.private = private

    def getsymval(self, name: str) -> str | None:
        """Return a macro."""
        return self.macros.get(name)

    def addheader(self, *_: object) -> None:
        """Accept an edit."""

    def setreply(self, *_: object) -> None:
        """Accept an answer."""


class Silent(LastDecision):
    """Telemetry that reports nothing."""

    def _nothing(self, *_: object) -> None:
        return None

    connection_opened = connection_closed = stage_started = stage_ended = _nothing


class Counted:
    """Keeps the identifiers to commit."""

    def __init__(self) -> None:
        self.due: list[str] = []

    def enqueue(self, identifier: str) -> None:
        """See ``ports.DelayedCommits``."""
        self.due.append(identifier)


def main() -> None:
    """Measure and print."""
    with environment() as (settings, folder):
        table = _measure(settings, folder)
    for line in table:
        print(line)


@contextmanager
def environment() -> Iterator[tuple[Settings, Path]]:
    """Yield settings as ``init`` writes them and their folder. Redis runs, and the log goes into a file."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-microseconds-") as name:
        folder = Path(name)
        init.write_files(folder / "etc", DOMAIN, DOMAIN, str(folder / "state"))
        settings = load(str(folder / "etc/reply-milter.toml"))
        (folder / "state").mkdir()
        tree = Tree(embedded.command(str(folder / "state")), folder / "redis.log")
        try:
            wait_until((folder / "state/redis/redis.sock").exists, "Redis listens")
            with _standard_error_in(folder / "log"):
                telemetry.log_to_stderr(False, "info")
                yield settings, folder
        finally:
            tree.stop()


@contextmanager
def _standard_error_in(path: Path) -> Iterator[None]:
    """Send the log to a file descriptor, as under a service manager."""
    kept = os.dup(2)
    with open(path, "wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _measure(settings: Settings, folder: Path) -> list[str]:
    metrics = telemetry.Metrics(str(folder), "one", libmilter.VERIFY.stages, OPERATIONS)
    counted = telemetry.WorkerTelemetry(metrics)
    store = open_store(settings.config, telemetry.StoreOperations(metrics))
    plain_store = open_store(settings.config, None)
    committed = Counted()
    bare = _callbacks(settings, NoStore(), Silent(), None)
    silent = _callbacks(settings, plain_store, Silent(), committed)
    whole = _callbacks(settings, store, counted, committed)
    cases: dict[str, Callable[[], float]] = {}
    letters = _Letters(settings, folder)
    for kind in ("ordinary", "forged", "reply"):
        cases[f"{kind}: callbacks and rules"] = partial(_fresh, bare, letters, kind)
        cases[f"{kind}: with Redis"] = partial(_fresh, silent, letters, kind)
        cases[f"{kind}: with Redis, metrics and log"] = partial(_fresh, whole, letters, kind)
    cases["reply: the commit behind it"] = lambda: _commit(store.commit, committed)
    results: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(ROUNDS + 1):
        for name, case in cases.items():
            taken = case()
            if number:  # the first round warms up
                results[name].append(taken)
    logging.shutdown()
    return [f"{name:<42} {statistics.median(taken):7.1f} us" for name, taken in results.items()]


def _callbacks(settings: Settings, store: Any, telemetry: Any, commits: Any) -> libmilter.MilterCallbacks:
    guesses = GuessTable(bytearray(TABLE_OCTETS), os.urandom(16))
    service = Service(settings.rules(), guesses, store, commits, WallClock(), telemetry)
    return libmilter.MilterCallbacks(
        lambda client: Connection(lambda: service, client), libmilter.VERIFY, lambda _: telemetry
    )


class _Letters:
    """Messages in the form that callbacks get, none of them used before."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._path = settings, folder / "mail"
        self._first = 0

    def take(self, kind: str) -> list[Packets]:
        """Return MESSAGES of one kind; no reply twice."""
        now = WallClock().now()
        self._first += MESSAGES
        letters = {
            "ordinary": lambda: mails.ordinary(MESSAGES),
            "forged": lambda: mails.forged(self._settings, MESSAGES, now),
            "reply": lambda: mails.replies(self._settings, self._first, MESSAGES, now),
        }[kind]()
        mails.write(self._path, letters)
        return list(_messages(self._path.read_bytes()))


def _messages(octets: bytes) -> Iterator[Packets]:
    position, packets = 0, []
    while position < len(octets):
        (length,) = struct.unpack_from("!I", octets, position)
        letter, data = octets[position + 4 : position + 5].decode(), octets[position + 5 : position + 4 + length]
        if letter != "D" or data[:1] not in _UNREAD:
            packets.append((letter, [data] if letter == "B" else data.split(b"\0")[:-1]))
        position += 4 + length
        if letter == "E":
            yield packets
            packets = []


def _fresh(callbacks: libmilter.MilterCallbacks, letters: "_Letters", kind: str) -> float:
    return _run(callbacks, letters.take(kind))


def _run(callbacks: libmilter.MilterCallbacks, messages: list[Packets]) -> float:
    """Return CPU microseconds per message."""
    context: Any = Context()
    callbacks._negotiate(context, [0x1FF, 0x1FFFFF, 0, 0])
    callbacks._connect(context, "client.example", 2, ("192.0.2.1", 25))
    started = time.process_time()
    for packets in messages:
        _deliver(callbacks, context, packets)
    return (time.process_time() - started) / len(messages) * 1e6


def _deliver(callbacks: libmilter.MilterCallbacks, context: Any, packets: Packets) -> None:
    for letter, data in packets:
        if letter == "D":
            words = [word.decode() for word in data]
            context.macros.update(zip([words[0][1:], *words[2::2]], words[1::2], strict=True))
        elif _command(callbacks, context, letter, data) in _REFUSED:  # the rest is not sent
            callbacks._abort(context)
            return


def _command(callbacks: libmilter.MilterCallbacks, context: Any, letter: str, data: list[bytes]) -> int:
    match letter:
        case "M":
            return callbacks._mail(context, *data)
        case "R":
            return callbacks._rcpt(context, *data)
        case "L":
            return callbacks._header(context, data[0].decode(), data[1])
        case "B":
            return callbacks._body(context, data[0])
        case "E":
            return callbacks._end_of_message(context)
        case _:
            return 0


def _commit(commit: Callable[[str], bool], committed: Counted) -> float:
    due, committed.due = committed.due, []
    started = time.process_time()
    for identifier in due:
        commit(identifier)
    return (time.process_time() - started) / len(due) * 1e6


if __name__ == "__main__":
    main()
