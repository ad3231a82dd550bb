"""What becomes of accepted replies."""

from grafana.dashboard.panel import HANDLER, Row, lines, quantile, rate, series, share

_DEFERRED = f"sum by (handler) ({rate('deliveries_total', outcome='deferred', **HANDLER)})"
_ALL = f"sum by (handler) ({rate('deliveries_total', **HANDLER)})"

ROW = Row(
    "Delivery",
    (
        lines(
            "Outcomes",
            "delivered: the application took it. again: it had before. deferred: not now, the MTA comes again. "
            "parked: the user is asked. ignored: no answer to that. dead_letter: it can never be delivered.",
            "ops",
            (f"sum by (outcome) ({rate('deliveries_total', **HANDLER)})", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Share that was deferred",
            "By handler. What stays deferred for give_up_hours becomes a dead letter.",
            "percentunit",
            (share(_DEFERRED, _ALL), "{{handler}}"),
            maximum=1,
        ),
        lines(
            "Dead letters",
            "By reason. seal_...: mail that came past the milter, or a seal key that differs. unknown_handler, "
            "no_destination, unrestorable: the configuration. refused, gave_up: the application. stale: kept for long.",
            "ops",
            (f"sum by (reason) ({rate('dead_letters_total')})", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "Parked",
            "Parked replies that wait for the confirmation of their user.",
            "short",
            (series("parked"), "{{instance}}"),
        ),
        lines(
            "Size of what is parked",
            "On the disk of state_dir. Beyond parked_bytes, further replies are deferred (452).",
            "bytes",
            (series("parked_bytes"), "{{instance}}"),
        ),
        lines(
            "Time to hand over",
            "Opening the seal, the application's answer, and the commit.",
            "s",
            (quantile(0.5, "stage_seconds", "", stage="delivery"), "half"),
            (quantile(0.99, "stage_seconds", "", stage="delivery"), "99 of 100"),
        ),
        lines(
            "Delivered by handler",
            "What reached an application.",
            "ops",
            (f"sum by (handler) ({rate('deliveries_total', outcome='delivered', **HANDLER)})", "{{handler}}"),
            stacked=True,
        ),
    ),
)
