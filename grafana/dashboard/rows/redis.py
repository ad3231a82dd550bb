"""The store, as the workers find it and by its own word."""

from grafana.dashboard.panel import GREEN, ORANGE, RATE, RED, Row, lines, quantile, rate, series, stat

ROW = Row(
    "Redis",
    (
        stat(
            "Evicted",
            "Keys evicted per second because Redis was full: each is a reply that can be replayed. Must be 0.",
            "ops",
            f"sum({rate('redis_evicted_keys_total')})",
            thresholds={None: GREEN, 1e-9: RED},
            width=3,
            may_be_zero=True,
        ),
        stat(
            "Append-only file",
            "Whether there is one. Without it, a restart loses up to an hour.",
            "none",
            f"min({series('redis_aof_enabled')})",
            words={"0": ("off", RED), "1": ("on", GREEN)},
            width=3,
        ),
        stat(
            "Last write",
            "Of the append-only file, and its last rewrite.",
            "none",
            f"min({series('redis_aof_ok')})",
            words={"0": ("failed", RED), "1": ("good", GREEN)},
            width=3,
        ),
        stat(
            "Up for",
            "The youngest Redis.",
            "s",
            f"min({series('redis_uptime_seconds')})",
            thresholds={None: ORANGE, 3600: GREEN},
            width=3,
        ),
        stat(
            "Data lost",
            "When a loss of data in Redis was last noticed.",
            "dateTimeAsIso",
            f"1000 * max({series('redis_last_loss_timestamp_seconds')})",
            words={"0": ("never", GREEN)},
            thresholds={None: GREEN, 1: RED},
            width=3,
            may_be_zero=True,
        ),
        stat(
            "Redis",
            "Version, role, and what it does when it is full, which must be noeviction.",
            "none",
            f"count by (version, role, maxmemory_policy) ({series('redis_info')})",
            "{{version}} {{role}} {{maxmemory_policy}}",
            width=9,
        ),
        lines(
            "99 of 100 operations",
            "facts: a read at RCPT. claim: the one write at the end. commit: behind the answer. store.timeout_ms "
            "bounds them all.",
            "s",
            (quantile(0.99, "store_seconds", "operation"), "{{operation}}"),
        ),
        lines(
            "Operations",
            "That were answered, by kind.",
            "ops",
            (f"sum by (operation) ({rate('store_seconds_count')})", "{{operation}}"),
            stacked=True,
        ),
        lines(
            "Failures",
            "timeout: slow, or packets are lost. connection: nothing listens. oom: full. readonly: a replica. "
            "auth: a password or an ACL. breaker: not asked, since it did not answer. docs/several-hosts.md has all. "
            "Commits are retried until they succeed; dropped: too many were waiting.",
            "ops",
            (f"sum by (operation, kind) ({rate('store_errors_total')})", "{{operation}} {{kind}}"),
            (f"sum({rate('commits_dropped_total')})", "commits dropped"),
        ),
        lines(
            "Answers",
            "The workers' last operation (store_up), and whether Redis tells of itself when the page is asked for "
            "(redis_up).",
            "none",
            (f"min by (instance) ({series('store_up')})", "{{instance}} workers"),
            (f"min by (instance) ({series('redis_up')})", "{{instance}} INFO"),
            maximum=1,
        ),
        lines(
            "Memory",
            "Used, and the limit where there is one. A remembered reply takes about 200 octets.",
            "bytes",
            (series("redis_memory_used_bytes"), "{{instance}} {{server}} used"),
            (series("redis_memory_limit_bytes"), "{{instance}} {{server}} limit, 0 for none"),
        ),
        lines(
            "Keys",
            "One for each address that was replied to, and for each user on file.",
            "short",
            (series("redis_keys"), "{{instance}} {{server}}"),
        ),
        lines(
            "Commands",
            "That Redis carried out, of all clients.",
            "ops",
            (rate("redis_commands_total"), "{{instance}} {{server}}"),
            width=8,
        ),
        lines(
            "Clients",
            "Connections that Redis has.",
            "short",
            (series("redis_clients"), "{{instance}} {{server}}"),
            width=8,
        ),
        lines(
            "Losses",
            "Losses of data that were noticed (emptied, or an older state), and revocations that were restored.",
            "short",
            (f"sum by (kind) (increase({series('redis_losses_total')}[{RATE}]))", "{{kind}}"),
            (f"sum(increase({series('revocations_put_back_total')}[{RATE}]))", "restored"),
            width=8,
            may_be_zero=True,
        ),
    ),
)
