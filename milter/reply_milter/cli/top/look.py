"""What ``top`` knows at one moment: counts of the daemon's page, and what became of them within the last minute."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from reply_milter.adapters.telemetry.page_reader import Samples
from reply_milter.ports import Fate, Minting
from reply_milter.ports.delivery_telemetry import DeliveryEvent

WINDOW_SECONDS = 60.0
# What RCPT decides for good. What it accepts, also in observe mode, is decided and counted at the end of the message.
_FINAL_AT_RCPT = (Fate.REJECT.value, Fate.DEFER.value)
_MINTED = (Minting.MINTED.value, Minting.WRAPPED.value)
Counts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Look:
    """Counts since the daemon started. ``at``: monotonic seconds."""

    at: float
    verdicts: Counts = field(default_factory=dict)
    reasons: Counts = field(default_factory=dict)
    others: Counts = field(default_factory=dict)


def look_of(samples: Samples, at: float) -> Look:
    """Take the counts from a page."""
    early = samples.by("recipients_total", "verdict")
    verdicts = dict(samples.by("messages_total", "verdict"))
    for name in _FINAL_AT_RCPT:
        verdicts[name] = verdicts.get(name, 0.0) + early.get(name, 0.0)
    reasons = dict(samples.by("messages_total", "reason"))
    for name in _FINAL_AT_RCPT:
        for reason, count in samples.by("recipients_total", "reason", verdict=name).items():
            reasons[reason] = reasons.get(reason, 0.0) + count
    minted = samples.by("notifications_total", "outcome")
    delivered = samples.by("deliveries_total", "outcome")
    others = {
        "minted": sum(minted.get(name, 0.0) for name in _MINTED),
        "delivered": delivered.get(DeliveryEvent.DELIVERED.value, 0.0),
        "dead letters": samples.total("dead_letters_total") or 0.0,
        "errors": samples.total("internal_errors_total") or 0.0,
    }
    return Look(at, verdicts, reasons, others)


class Window:
    """The looks of the last minute."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    def add(self, look: Look) -> None:
        """Add the newest. A restarted daemon counts from 0, so what was before it says nothing any more."""
        if self._looks and any(look.verdicts.get(name, 0) < count for name, count in self._looks[-1].verdicts.items()):
            self._looks.clear()
        self._looks.append(look)
        while len(self._looks) > 2 and self._looks[1].at <= look.at - WINDOW_SECONDS:
            self._looks.popleft()

    @property
    def last(self) -> Look:
        """The newest."""
        return self._looks[-1]

    @property
    def seconds(self) -> float:
        """How much time lies between the oldest look and the newest."""
        return self._looks[-1].at - self._looks[0].at

    def per_minute(self, of: str) -> dict[str, float]:
        """Return rates of ``verdicts``, ``reasons`` or ``others``; empty before the second look."""
        if self.seconds <= 0:
            return {}
        now, then = getattr(self._looks[-1], of), getattr(self._looks[0], of)
        return {name: (count - then.get(name, 0.0)) * 60 / self.seconds for name, count in now.items()}
