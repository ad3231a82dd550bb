"""A notification whose client may not ask is a warning, and is counted by itself."""

import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from reply_milter.adapters.telemetry.logs import DecisionLog
from reply_milter.adapters.telemetry.metrics import Metrics
from reply_milter.adapters.telemetry.worker import WorkerTelemetry
from reply_milter.ports import Minting, Notification


@pytest.mark.usefixtures("closed_files")
@pytest.mark.parametrize(
    "outcome,untrusted,level",
    [
        (Minting.IGNORED, True, logging.WARNING),
        (Minting.IGNORED, False, logging.INFO),
        (Minting.REFUSED, False, logging.INFO),
    ],
)
def test_only_the_mistake_of_an_operator_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Minting, untrusted: bool, level: int
) -> None:
    """What came from elsewhere is none; both are counted as ignored."""
    levels: list[int] = []
    monkeypatch.setattr(DecisionLog, "write", lambda _self, level, *_rest: levels.append(level))
    metrics = Metrics(str(tmp_path), "sign0", ("sign_eom",), ())
    telemetry = WorkerTelemetry(metrics)
    telemetry.stage_started()
    telemetry.notification(Notification(outcome, problem="x", untrusted=untrusted))
    assert levels == [level]
    assert _value(tmp_path, "reply_milter_notifications_untrusted_total") == float(untrusted)
    assert _value(tmp_path, "reply_milter_notifications_total", outcome=outcome.value) == 1.0


def _value(folder: Path, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return registry.get_sample_value(name, labels)
