"""The LMTP server with lanes for tests, and its telemetry."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from reply_milter.adapters.lmtp import Lanes, LmtpServer
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.reply import Envelope
from reply_milter.ports.delivery_telemetry import TurnedAway

PLENTY = 1 << 30


@dataclass
class RecordingIntake:
    """Implements ``ports.delivery.IntakeTelemetry``. ``octets``: now; ``most``: ever."""

    away: list[tuple[str, TurnedAway]] = field(default_factory=list)
    octets: int = 0
    most: int = 0

    def turned_away(self, handler: str, why: TurnedAway) -> None:
        """See ``ports.delivery.IntakeTelemetry``."""
        self.away.append((handler, why))

    def in_flight(self, octets: int) -> None:
        """See ``ports.delivery.IntakeTelemetry``."""
        self.octets, self.most = octets, max(self.most, octets)


def server_of(
    take: Callable[[Envelope], DeliveryOutcome],
    max_message_bytes: int,
    *,
    connections: int = 1,
    places: int = 1,
    octets: int = PLENTY,
    told: RecordingIntake | None = None,
    threads: Executor | None = None,
) -> LmtpServer:
    """A server whose lanes are the first word of a recipient's local part."""
    lanes = Lanes(lambda recipient: recipient.partition("+")[0], places, octets, told or RecordingIntake(), threads)
    return LmtpServer(take, lanes, max_message_bytes, connections)
