"""Clocks that jump by an hour, by 90 days, to 2038: the milter's, and Redis'. Decisions are those of the page."""

import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.alone import Alone, alone, own_redis
from tests.faults.arrivals import remembered, reply_id
from tests.faults.letters import Letter, letters
from tests.faults.outcome import LONG, Outcome, milliseconds
from tests.faults.retrying import Answer, Record
from tests.support.processes.daemon_process import wait_until
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.wire.milter_alone import Milter, own_folder

pytestmark = [pytest.mark.wire, pytest.mark.redis]

MESSAGES = 200 if LONG else 10  # for each row and kind
HOUR, DAY = 3600, 86400
TO_2038 = 2_147_483_648 + DAY - int(time.clock_gettime(time.CLOCK_REALTIME))  # a day past the end of 31 bits
TAKEN, RECEIVED, FORGED, EXPIRED = "taken", "already received", "forged", "expired"


@dataclass(frozen=True)
class Row:
    """``seconds`` by which a clock is moved, and what becomes of mail.

    ``earlier``: replies to notifications of the unmoved time; ``fresh``: to those of the moved one.
    """

    name: str
    seconds: int
    earlier: str
    fresh: str = TAKEN


MILTER_ROWS = (
    Row("4 minutes back", -240, TAKEN),
    Row("an hour back", -HOUR, FORGED),
    Row("90 days back", -90 * DAY, FORGED),
    Row("an hour on", HOUR, TAKEN),
    Row("89 days on", 89 * DAY, TAKEN),
    Row("90 days on", 90 * DAY + 60, EXPIRED),
    Row("2038", TO_2038, EXPIRED),
)
# Here ``earlier`` are messages that were received before the clock was moved, sent again.
STORE_ROWS = (
    Row("an hour back", -HOUR, RECEIVED),
    Row("90 days back", -90 * DAY, RECEIVED),
    Row("an hour on", HOUR, RECEIVED),
    Row("90 days on", 90 * DAY, RECEIVED),
    Row("2038", TO_2038, TAKEN),  # forgotten: a week after their addresses' end
)


def _word(answer: Answer) -> str:
    if answer.text.startswith("2"):
        return TAKEN
    for sign, word in (("already received", RECEIVED), ("expired", EXPIRED), ("550 5.7.1", FORGED)):
        if sign in answer.text:
            return word
    return answer.text or "dropped"


def _send(host: Alone, given: Sequence[Letter]) -> list[Record]:
    client = host.client()
    answered = [Record(letter, [client.attempt(letter)]) for letter in given]
    client.close()
    return answered


def _tally(records: Sequence[Record]) -> dict[str, int]:
    return dict(Counter(_word(record.answers[-1]) for record in records))


class Judgement:
    """Of one row: what was expected of which messages, and what they met."""

    def __init__(self, fault: str, host: Alone) -> None:
        self._host, self._began = host, time.monotonic()
        self._workers = host.milter.daemon.workers()
        self.found = Outcome(fault)
        self._times: list[float] = []

    def expect(self, what: str, records: Sequence[Record], word: str) -> None:
        """All of ``records`` met ``word``."""
        tally = _tally(records)
        self.found.messages += len(records)
        self.found.figures[what] = ", ".join(f"{count} {met}" for met, count in tally.items())
        self.found.demand(tally == {word: len(records)}, f"{what}: not all {word} but {tally}")
        self._times += [record.answers[-1].last for record in records]

    def tell(self) -> None:
        """With the health of the workers."""
        found, daemon = self.found, self._host.milter.daemon
        found.tries, found.seconds = found.messages, round(time.monotonic() - self._began, 1)
        found.p50_ms, found.p99_ms, found.slowest_ms = (milliseconds(self._times, share) for share in (0.5, 0.99, 1))
        same = any(daemon.workers() == self._workers for _ in range(5))  # the kernel's list may leave one out (proc(5))
        found.demand(same, "a worker died")
        found.demand("Traceback" not in daemon.log(), "an accident is in the log")
        found.tell()


@pytest.fixture(scope="module")
def moved() -> Iterator[tuple[Alone, Path]]:
    """A milter whose clock can be moved, and the file with which to do so."""
    with own_folder() as folder:
        clock = folder / "clock"
        clock.write_text("0")
        program = folder / "moved_clock.py"
        program.write_bytes(Path(__file__).with_name("moved_clock.py").read_bytes())

        def prepare(milter: Milter) -> None:
            milter.daemon.program = [str(program)]
            milter.daemon.environment = {"MOVED_CLOCK": str(clock)}

        with alone(prepare=prepare) as host:
            yield host, clock


@pytest.mark.parametrize("row", MILTER_ROWS, ids=lambda row: row.name)
def test_the_milters_clock_jumps(moved: tuple[Alone, Path], row: Row) -> None:
    """Validity follows it; a token of the moved time is taken, and remembered."""
    host, clock = moved
    name = f"clock-{row.name.replace(' ', '-')}"
    judgement = Judgement(f"milter-{name}", host)
    clock.write_text(str(row.seconds))
    try:
        judgement.expect("earlier", _send(host, list(letters(host.settings, name, MESSAGES))), row.earlier)
        fresh = list(letters(host.settings, f"fresh-{name}", MESSAGES, later=row.seconds))
        judgement.expect("fresh", _send(host, fresh), TAKEN)
        time.sleep(0.5)  # settle_ms, and some
        judgement.expect("fresh, again", _send(host, fresh), RECEIVED)
    finally:
        clock.write_text("0")
    judgement.tell()


class MovedRedis:
    """A Redis whose clock can be moved."""

    def __init__(self, server: RedisUnderTest, clock: Path) -> None:
        self.server, self._clock = server, clock

    def move(self, seconds: int) -> None:
        """From now on it is so much later there."""
        with open(self._clock, "r+b") as file:
            file.write(struct.pack("q", seconds))
        there = int(self.server.command("TIME")[0])
        here = int(time.clock_gettime(time.CLOCK_REALTIME))
        assert abs(there - here - seconds) <= 2, (there, here, seconds)


@pytest.fixture(scope="module")
def moved_redis() -> Iterator[MovedRedis]:
    """Compiled and preloaded."""
    with own_folder() as folder, own_redis() as server:
        library, clock = folder / "moved_clock.so", folder / "clock"
        source = Path(__file__).with_name("moved_clock.c")
        subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
        clock.write_bytes(struct.pack("q", 0))
        server.stop()
        server.environment = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(clock)}
        server.start()
        yield MovedRedis(server, clock)


@pytest.fixture(scope="module")
def beside(moved_redis: MovedRedis) -> Iterator[Alone]:
    """A milter with that Redis."""
    with alone(moved_redis.server.url) as host:
        yield host


@pytest.mark.parametrize("row", STORE_ROWS, ids=lambda row: row.name)
def test_redis_clock_jumps(beside: Alone, moved_redis: MovedRedis, row: Row) -> None:
    """What was received is remembered while the address is good by Redis' clock; ids are the same in any case."""
    server, settings = moved_redis.server, beside.settings
    name = f"store-clock-{row.name.replace(' ', '-')}"
    judgement = Judgement(name, beside)
    before = list(letters(settings, name, MESSAGES))
    judgement.expect("before", _send(beside, before), TAKEN)
    _settled(server, beside, before)
    moved_redis.move(row.seconds)
    try:
        judgement.expect("before, again", _send(beside, before), row.earlier)
        fresh = _send(beside, list(letters(settings, f"fresh-{name}", MESSAGES)))
        judgement.expect("fresh", fresh, TAKEN)
        judgement.found.figures["fresh ones remembered"] = kept = remembered(server.side, settings, fresh)
        judgement.found.demand(kept == MESSAGES, f"fresh ones: only {kept} are remembered")
    finally:
        moved_redis.move(0)
    after = list(letters(settings, f"after-{name}", MESSAGES))
    judgement.expect("after, the clock is right again", _send(beside, after), TAKEN)
    _settled(server, beside, after)
    judgement.expect("after, again", _send(beside, after), RECEIVED)
    judgement.tell()


def _settled(server: RedisUnderTest, host: Alone, given: Sequence[Letter]) -> None:
    """Wait until the milter has committed all of them."""
    ids = [reply_id(host.settings, letter) for letter in given]

    def committed() -> bool:
        return all((server.raw.hget(f"rm1:{one[:13]}", one[13:]) or b"")[:1] == b"C" for one in ids)

    wait_until(committed, 10, "all are committed")
