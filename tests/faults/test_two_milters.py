"""Two mail hosts with one Redis get the same message at the same moment: one of them is the first, and never both."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.alone import Alone, alone, own_redis
from tests.faults.clients import arrived, ask_for, hand_over, in_words, opened
from tests.faults.letters import Letter, letters
from tests.faults.outcome import LONG, Outcome, milliseconds
from tests.wire.milter_alone import Milter
from tests.wire.milter_client import CONTINUE, Mta

pytestmark = [pytest.mark.wire, pytest.mark.redis]

MESSAGES = 20_000 if LONG else 400
PAIRS = 4  # of connections, one to each host
_SESSION = 50
RECEIVED = "550 5.7.1 This message was already received"


class Pair:
    """A connection to each host; ``seen`` counts what both said to one message."""

    def __init__(self, hosts: list[Alone], given: Iterator[Letter], lock: threading.Lock) -> None:
        self.hosts, self.given, self.lock = hosts, given, lock
        self.seen: Counter[tuple[str, ...]] = Counter()
        self.times: list[float] = []
        self.thread = threading.Thread(target=self._run)

    def _next(self) -> Letter | None:
        with self.lock:
            return next(self.given, None)

    def _run(self) -> None:
        mtas: list[Mta] = []
        while (letter := self._next()) is not None:
            if sum(self.seen.values()) % _SESSION == 0:
                for mta in mtas:
                    mta.socket.close()
                mtas = [opened(host.milter.socket, 15) for host in self.hosts]
            self.seen[tuple(sorted(self._both(letter, mtas)))] += 1
        for mta in mtas:
            mta.socket.close()

    def _both(self, letter: Letter, mtas: list[Mta]) -> list[str]:
        """All but the dot to each; then both dots, and only then both answers."""
        for mta in mtas:
            said = ask_for(mta, letter)
            assert said.code == CONTINUE, in_words(said)
            hand_over(mta, letter)
        began = time.monotonic()
        for mta in mtas:
            mta.macros(b"E", i=f"4B{letter.seq:08X}")
            mta.send(b"E")
        heard = [mta.answer() for mta in mtas]
        self.times.append(time.monotonic() - began)
        keys = self.hosts[0].settings.seal_keys
        return [arrived(said, letter, keys) if said.code == CONTINUE else in_words(said) for said in heard]


def _same_keys(of: Milter, to: Milter) -> None:
    for name in ("keys.toml", "seal.key"):
        (to.config.parent / name).write_bytes((of.config.parent / name).read_bytes())


def test_the_same_message_at_once_is_first_on_exactly_one_of_two_hosts() -> None:
    """The other takes it, too, with the same id, as a retry.

    Where it comes to its claim only after the first is settled (settle_ms), it hears that the message was received.
    """
    with own_redis() as redis, alone(redis.url, workers=1) as one:
        with alone(redis.url, workers=1, prepare=lambda milter: _same_keys(one.milter, milter)) as other:
            given, lock = letters(one.settings, "both", MESSAGES), threading.Lock()
            pairs = [Pair([one, other], given, lock) for _ in range(PAIRS)]
            began = time.monotonic()
            for pair in pairs:
                pair.thread.start()
            for pair in pairs:
                pair.thread.join()
            seconds = time.monotonic() - began
    seen: Counter[tuple[str, ...]] = sum((pair.seen for pair in pairs), Counter())
    times = [each for pair in pairs for each in pair.times]
    found = Outcome("two-milters", MESSAGES, tries=2 * MESSAGES, seconds=round(seconds, 1))
    found.p50_ms, found.p99_ms, found.slowest_ms = (milliseconds(times, share) for share in (0.5, 0.99, 1.0))
    found.figures = {" + ".join(both): count for both, count in sorted(seen.items())}
    found.doubled, found.lost = seen["first", "first"], MESSAGES - sum(seen.values())
    may_be = {tuple(sorted(("first", other))) for other in ("retry", RECEIVED)}
    found.demand(seen.keys() <= may_be, f"not one first each: {dict(seen)}")
    found.tell()
