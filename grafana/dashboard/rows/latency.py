"""How long the MTA waits for us."""

from grafana.dashboard.panel import Row, heatmap, lines, quantile, rate, share

_MEAN = share(f"sum by (stage) ({rate('stage_seconds_sum')})", f"sum by (stage) ({rate('stage_seconds_count')})")

ROW = Row(
    "Latency",
    (
        lines(
            "99 of 100 decisions",
            "Time to decide at RCPT and at the end of a message (sign_...: outgoing mail). Postfix gives up after "
            "30 seconds. The canary is not counted.",
            "s",
            (quantile(0.99, "stage_seconds", "stage", stage="!=delivery"), "{{stage}}"),
        ),
        lines(
            "Half of all decisions",
            "The usual case: well under a millisecond at RCPT without the store, and its round trips with it.",
            "s",
            (quantile(0.5, "stage_seconds", "stage", stage="!=delivery"), "{{stage}}"),
        ),
        lines(
            "Mean",
            "Sum over count.",
            "s",
            (_MEAN, "{{stage}}"),
        ),
        heatmap("At RCPT", "Ordinary recipients are among these.", "s", "stage_seconds", stage="rcpt"),
        heatmap("At the end of a message", "The claim is in this.", "s", "stage_seconds", stage="eom"),
        lines(
            "Decisions",
            "Number of decisions: every RCPT and end of message for which the MTA asks, ordinary mail included.",
            "ops",
            (f"sum by (stage) ({rate('stage_seconds_count', stage='=~rcpt|eom')})", "{{stage}}"),
        ),
    ),
)
