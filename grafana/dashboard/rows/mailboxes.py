"""Mailboxes that replies are fetched from."""

from grafana.dashboard.panel import GREEN, RED, Panel, Query, Row, lines, rate, series

ROW = Row(
    "Mailboxes",
    (
        Panel(
            "Connected",
            "Each mailbox of [[imap]]: whether it is open. The log says why not.",
            "none",
            (Query(series("imap_connected"), "{{instance}} {{mailbox}}"),),
            kind="state-timeline",
            width=8,
            words={"0": ("no", RED), "1": ("yes", GREEN)},
        ),
        lines(
            "Since the last look",
            "Time since each mailbox was looked at to its end. Replies wait there meanwhile.",
            "s",
            (f"time() - {series('imap_last_look_timestamp_seconds')}", "{{instance}} {{mailbox}}"),
            width=8,
        ),
        lines(
            "Messages",
            "By what became of them. Ordinary ones are no replies and stay as they are.",
            "short",
            (f"sum by (mailbox, verdict) ({rate('imap_messages_total')} * 60)", "{{mailbox}} {{verdict}} a minute"),
            width=8,
        ),
    ),
)
