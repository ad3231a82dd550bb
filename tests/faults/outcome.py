"""What came of a fault: counted, judged, put on record for docs/reliability.md, and only then asserted."""

import fcntl
import json
import math
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.reliability_page import ROWS
from tests.faults.retrying import UNTAGGED, Load, Record

RESULTS = os.environ.get("REPLY_MILTER_RESULTS", "")  # a file that gets a line a fault; other lines of it stay
LONG = bool(os.environ.get("REPLY_MILTER_LONG"))


@dataclass(slots=True)
class Outcome:
    """One fault's figures. ``fault`` names its row in ``reliability_page.ROWS``; times in milliseconds and seconds.

    ``last_ms``: end of message, or the refusal before it, of each try. ``figures``: what else is to be told.
    """

    fault: str
    messages: int = 0
    tries: int = 0
    deferred: int = 0
    dropped: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    untagged: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    slowest_ms: float = 0.0
    seconds: float = 0.0
    figures: dict[str, float | str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def tell(self) -> None:
        """Print it, put it on record, and fail if it failed."""
        self.demand(self.fault in ROWS, "it has no row in reliability_page")
        verdict = "FAILED: " + "; ".join(self.failures) if self.failures else "passed"
        more = "".join(f", {name} {value}" for name, value in self.figures.items())
        print(
            f"\n{self.fault}: {self.messages} messages, {self.tries} tries, {self.deferred} x 4xx, "
            f"{self.dropped} dropped, {self.refused} refused; {self.lost} lost, {self.doubled} doubled, "
            f"{self.untagged} untagged; "
            f"p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, slowest {self.slowest_ms:.0f} ms, "
            f"{self.seconds:.1f} s{more}: {verdict}"
        )
        if RESULTS:
            _put_on_record(Path(RESULTS), self)
        assert not self.failures, self.failures

    def demand(self, holds: bool, words: str) -> None:
        """What must be so; ``words`` say what is not, if it isn't."""
        if not holds:
            self.failures.append(words)


def outcome(fault: str, load: Load, figures: Mapping[str, float | str] | None = None) -> Outcome:
    """Of a load whose arrivals are on its records. Demands that nothing is lost, doubled, untagged or refused."""
    records = load.records
    found = Outcome(fault, messages=len(records), seconds=round(load.seconds, 1), figures=dict(figures or {}))
    answers = [answer for record in records for answer in record.answers]
    found.tries = len(answers)
    found.deferred = sum(answer.text.startswith("4") for answer in answers)
    found.dropped = sum(not answer.text for answer in answers)
    found.refused = sum(answer.text.startswith("5") for answer in answers)
    found.lost = sum(not record.verdicts for record in records)
    found.doubled = sum(len(record.verdicts) > 1 for record in records)
    found.untagged = sum(UNTAGGED in record.verdicts for record in records)
    times = [answer.last for answer in answers]
    found.p50_ms, found.p99_ms = milliseconds(times, 0.5), milliseconds(times, 0.99)
    found.slowest_ms = milliseconds([answer.slowest for answer in answers], 1.0)
    for name in ("lost", "doubled", "untagged", "refused"):
        found.demand(getattr(found, name) == 0, f"{getattr(found, name)} {name}")
    return found


def milliseconds(times: Sequence[float], share: float) -> float:
    """The time that ``share`` of all do not exceed."""
    if not times:
        return 0.0
    return round(1000 * sorted(times)[min(len(times) - 1, math.ceil(share * len(times)) - 1)], 2)


def verdicts(records: Sequence[Record]) -> dict[str, float | str]:
    """How often each verdict arrived: replay tags, mostly."""
    return dict(Counter(verdict for record in records for verdict in record.verdicts))


def keep_records(fault: str, load: Load) -> None:
    """One line a message beside the results: number, each answer with its times, and what arrived."""
    if not RESULTS:
        return
    with open(Path(RESULTS).with_name(f"{fault}.messages.jsonl"), "w") as file:
        for record in load.records:
            answers = [[answer.text, round(answer.last, 4), round(answer.slowest, 4)] for answer in record.answers]
            line = {"seq": record.letter.seq, "answers": answers, "arrivals": record.verdicts}
            file.write(json.dumps(line) + "\n")


def _put_on_record(path: Path, found: Outcome) -> None:
    """In place of an earlier line of the same fault."""
    told = {**asdict(found), "long": LONG, "at": int(time.clock_gettime(time.CLOCK_REALTIME))}
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two parts of the suite may run side by side
        file.seek(0)
        kept = [line for line in file.read().splitlines() if json.loads(line)["fault"] != found.fault]
        file.truncate(0)
        file.write("\n".join([*kept, json.dumps(told)]) + "\n")
