"""Series about wrapped applications: their notifications, and mail to their own addresses."""

from collections.abc import Iterator
from itertools import product
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from reply_milter.core.verdict.reasons import Cause
from reply_milter.core.wrapping.wrap import Road
from reply_milter.ports import Decision, Lack, Minting, Notification, Sight

_OUTCOMES = (Minting.WRAPPED, Minting.REFUSED, Minting.DEFERRED, Minting.WOULD_WRAP, Minting.WOULD_REFUSE)
_KEPT, _FAILED = "kept", "failed"


class WrappedSeries:
    """Series of the workers of both sockets. Each exists from the start for each handler that is wrapped."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"reply_milter_{name}", text, ("handler", *labels), registry=registry)

        self._notifications = counter("wrapped_total", "Notifications of wrapped applications.", "outcome")
        self._left_out = counter(
            "wrapped_capsules_left_out_total", "Wrapped notifications without a capsule, which would be too long."
        )
        self._copies = counter(
            "wrapped_copies_total", "Copies of what wrapped addresses stand for, as the store took them.", "outcome"
        )
        self._spellings = counter(
            "native_spellings_total",
            "Genuine own addresses of an application, as it never spells them.",
        )
        self._source_up = _gauge(
            registry, "native_source_up", "Whether the source of its users gave its last answer.", "min"
        )
        self._source_changed = _gauge(
            registry,
            "native_source_changed_timestamp_seconds",
            "When the file of its users changed.",
            "max",
        )
        self._native = counter("native_total", "Recipients that were an application's own address.", "class", "outcome")

    def expect_handler(self, name: str) -> None:
        """Create the series of a wrapped handler, so that the first of a kind is an increase."""
        self._left_out.labels(name)
        self._spellings.labels(name)
        self._source_up.labels(name).set(1)  # until it is asked
        self._source_changed.labels(name)
        for outcome in _OUTCOMES:
            self._notifications.labels(name, outcome.value)
        for copy in (_KEPT, _FAILED):
            self._copies.labels(name, copy)
        for road, sight in _sights():
            self._native.labels(name, road.value, sight.value)

    def count_notification(self, notification: Notification) -> None:
        """Count a notification, if it is a wrapped application's: of no other does its report name a handler."""
        name = notification.handler
        if not name or notification.outcome not in _OUTCOMES:
            return
        self._notifications.labels(name, notification.outcome.value).inc()
        if Lack.CAPSULE in notification.lacks:
            self._left_out.labels(name).inc()
        if notification.stored or Lack.COPY in notification.lacks:
            self._copies.labels(name, _KEPT if notification.stored else _FAILED).inc()

    def count_native(self, decision: Decision) -> None:
        """Count an application's own address, once it is final what became of it."""
        if decision.sight is not None:
            self._native.labels(decision.handler, decision.road, decision.sight.value).inc()
        if decision.because == Cause.SPELLING:
            self._spellings.labels(decision.handler).inc()

    def source_looked_at(self, name: str, is_up: bool, changed: float) -> None:
        """Tell how the source of a handler's users is. ``changed``: Unix seconds; 0 where it is no file."""
        self._source_up.labels(name).set(int(is_up))
        if changed:
            self._source_changed.labels(name).set(changed)


def _gauge(registry: CollectorRegistry, name: str, text: str, mode: Literal["min", "max"]) -> Gauge:
    return Gauge(f"reply_milter_{name}", text, ["handler"], registry=registry, multiprocess_mode=mode)


def _sights() -> Iterator[tuple[Road, Sight]]:
    """What can become of each class: only native addresses are refused as such, or removed beside one of ours."""
    roads = (Road.NATIVE, Road.OPEN, Road.BOUNCE)
    for road, sight in product(roads, Sight):
        if road is Road.NATIVE or sight not in (Sight.REFUSED, Sight.BESIDE):
            yield road, sight
