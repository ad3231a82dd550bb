"""Series of wrapped applications: they exist from the start, and count by handler, class and outcome."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, values

from reply_milter.adapters.telemetry.wrapped import WrappedSeries
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.wrapping.wrap import Road
from reply_milter.ports import Decision, Fate, Lack, Minting, Notification, Sight, Stage

LEFT = Notification(Minting.WRAPPED, "gitea")


@pytest.fixture(autouse=True)
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count in this process alone, whatever other tests have left."""
    monkeypatch.setattr(values, "ValueClass", values.MutexValue)


class Series:
    """The series of one process, on a host where gitea is wrapped."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.of = WrappedSeries(self._registry)
        self.of.expect_handler("gitea")

    def all(self) -> dict[tuple[str, str], float]:
        """Values by name, and labels without the handler in their order."""
        return {
            (sample.name.removeprefix("reply_milter_"), _shown(sample.labels)): sample.value
            for family in self._registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        }

    def counted(self) -> dict[tuple[str, str], float]:
        """Those that are not 0. A source that nobody has asked is up."""
        return {name: value for name, value in self.all().items() if value and name[0] != "native_source_up"}


def _shown(labels: Mapping[str, str]) -> str:
    assert labels["handler"] == "gitea"
    return " ".join(value for label, value in sorted(labels.items()) if label != "handler")


@pytest.mark.parametrize(
    "notification,counted",
    [
        (LEFT, {("wrapped_total", "wrapped")}),
        (replace(LEFT, stored=True), {("wrapped_total", "wrapped"), ("wrapped_copies_total", "kept")}),
        (replace(LEFT, lacks=(Lack.COPY,)), {("wrapped_total", "wrapped"), ("wrapped_copies_total", "failed")}),
        (
            replace(LEFT, lacks=(Lack.CAPSULE,), stored=True),
            {
                ("wrapped_total", "wrapped"),
                ("wrapped_capsules_left_out_total", ""),
                ("wrapped_copies_total", "kept"),
            },
        ),
        (
            replace(LEFT, outcome=Minting.DEFERRED, lacks=(Lack.CAPSULE, Lack.COPY)),
            {
                ("wrapped_total", "deferred"),
                ("wrapped_capsules_left_out_total", ""),
                ("wrapped_copies_total", "failed"),
            },
        ),
        (replace(LEFT, outcome=Minting.REFUSED), {("wrapped_total", "refused")}),
        (replace(LEFT, outcome=Minting.WOULD_WRAP), {("wrapped_total", "would_wrap")}),
        (replace(LEFT, outcome=Minting.WOULD_REFUSE), {("wrapped_total", "would_refuse")}),
        (replace(LEFT, outcome=Minting.MINTED), set()),
        (Notification(Minting.REFUSED), set()),
        (Notification(Minting.IGNORED), set()),
    ],
)
def test_notifications(notification: Notification, counted: set[tuple[str, str]]) -> None:
    """A request of an application that knows us is no wrapped notification; no series begins with its first count."""
    series = Series()
    before = set(series.all())
    series.of.count_notification(notification)
    assert set(series.counted()) == counted
    assert set(series.all()) == before


def test_native_addresses() -> None:
    """Each sight once, and what is not final not at all; series that cannot occur do not exist."""
    series = Series()
    before = set(series.all())
    decision = Decision(Stage.RCPT, Fate.REJECT, Reason.NATIVE, handler="gitea", road=Road.NATIVE)
    series.of.count_native(decision)
    for sight in Sight:
        series.of.count_native(decision._replace(sight=sight))
    for road in (Road.OPEN, Road.BOUNCE):
        for sight in (Sight.PASSED, Sight.UNFIT, Sight.WOULD_REFUSE):
            series.of.count_native(decision._replace(road=road, sight=sight))
    assert set(series.all()) == before
    assert {name for name in series.counted() if name[0] == "native_total"} == {
        name for name in before if name[0] == "native_total"
    }
    assert set(series.counted().values()) == {1.0}
