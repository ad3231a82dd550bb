"""Send a million messages, some of them to junk recipients: memory must not grow, and junk must leave no keys."""

from dataclasses import dataclass

from benchmarks import mails
from benchmarks.filters import Bench
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config.verify import Engine

_PART = 10_000
_SETTLED = 200_000  # messages after which caches and allocators no longer grow


@dataclass(frozen=True, slots=True)
class Growth:
    """Private bytes of the largest process before and after ``messages``, and the keys that junk left in Redis."""

    messages: int
    before: int
    after: int
    junk_keys: int

    @property
    def share(self) -> float:
        """Return the growth as a share of the memory before."""
        return (self.after - self.before) / self.before


def soak(
    bench: Bench, messages: int, workers: int, engine: Engine = Engine.PYMILTER, ordinary_parts: int = 1
) -> Growth:
    """Send _SETTLED messages, and then ``messages``: for each part of forged ones and of genuine replies so many parts
    of ordinary mail.
    """
    ours, now = bench.ours(workers, engine=engine).ready(), WallClock().now()
    ordinary, forged, replies = (bench.folder / f"soak-{name}" for name in ("ordinary", "forged", "replies"))
    mails.write(ordinary, mails.ordinary(_PART))
    mails.write(forged, mails.forged(ours.settings, _PART, now))
    sent = first = before = junk_keys = 0
    while sent < _SETTLED + messages:
        mails.write(replies, mails.replies(ours.settings, first, _PART, now))
        first += _PART
        for path in (*[ordinary] * ordinary_parts, forged, replies):
            keys = int(ours.store.dbsize())
            bench.generator.drive(ours.filter.socket, path, 16, _PART, 20)
            junk_keys += int(ours.store.dbsize()) - keys if path is forged else 0
            sent += _PART
        if sent >= _SETTLED and not before:
            before = ours.filter.memory().private
    return Growth(messages, before, ours.filter.memory().private, junk_keys)
