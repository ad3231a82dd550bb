"""Telemetry that counts and logs nothing: for the canaries, which are no real traffic."""

from reply_milter.ports import Decision, Notification, Replay, Stage


class SilentTelemetry:
    """Implements ``ports.Telemetry``, ``ports.MintingTelemetry`` and ``ports.ConnectionTelemetry``."""

    def recipient(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""

    def message(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""

    def replay(self, outcome: Replay) -> None:
        """See ``ports.Telemetry``."""

    def wrong_author(self, last: bool) -> None:
        """See ``ports.Telemetry``."""

    def address_disagreement(self) -> None:
        """See ``ports.Telemetry``."""

    def headers_stripped(self, count: int) -> None:
        """See ``ports.Telemetry``."""

    def key_used(self, master_id: str, now: int) -> None:
        """See ``ports.Telemetry``."""

    def token_age(self, seconds: int) -> None:
        """See ``ports.Telemetry``."""

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""

    def connection_opened(self) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def connection_closed(self) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def stage_started(self) -> float:
        """See ``ports.ConnectionTelemetry``."""
        return 0.0

    def stage_resumed(self, started: float) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def stage_ended(self, stage: Stage) -> None:
        """See ``ports.ConnectionTelemetry``."""

    def internal_error(self, stage: Stage) -> None:
        """See ``ports.ConnectionTelemetry``."""
