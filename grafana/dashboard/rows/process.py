"""The daemon's processes."""

from grafana.dashboard.panel import GREEN, RED, Panel, Query, Row, lines, rate, series

ROW = Row(
    "Process",
    (
        Panel(
            "Running",
            "Each process of the daemon: supervisor, redis-server (an embedded store), workers by slot, and metrics.",
            "none",
            (Query(series("process_up"), "{{instance}} {{process}}"),),
            kind="state-timeline",
            width=12,
            words={"0": ("down", RED), "1": ("up", GREEN)},
        ),
        lines(
            "Restarts",
            "Restarts of each process, by name. The log says how it ended.",
            "short",
            (f"sum by (process) ({rate('process_restarts_total')} * 60)", "{{process}} a minute"),
            width=12,
        ),
        lines(
            "CPU",
            "In cores. A Python worker uses one at most.",
            "none",
            (rate("process_cpu_seconds_total"), "{{instance}} {{process}}"),
            stacked=True,
        ),
        lines(
            "Memory",
            "Resident, shared pages included: those of workers are counted in each.",
            "bytes",
            (series("process_resident_memory_bytes"), "{{instance}} {{process}}"),
        ),
        lines(
            "Open files",
            "Share of the limit. libmilter uses a whole core when none is left.",
            "percentunit",
            (f"{series('process_open_fds')} / {series('process_max_fds')}", "{{instance}} {{process}}"),
        ),
        lines(
            "Connections",
            "Of the MTA, open now.",
            "short",
            (series("connections"), "{{instance}}"),
            width=12,
        ),
        lines(
            "Up for",
            "Since each process started.",
            "s",
            (f"time() - {series('process_start_time_seconds')}", "{{instance}} {{process}}"),
            width=12,
        ),
        lines(
            "Broken files of metrics",
            "Cut or damaged: what their process counts is missing from all panels until it is restarted.",
            "short",
            (series("metrics_files_broken"), "{{instance}}"),
            width=12,
            may_be_zero=True,
        ),
    ),
)
