"""What was accepted before."""

from grafana.dashboard.panel import Row, heatmap, lines, quantile, rate, share


def _share_of(outcome: str) -> str:
    return share(f"sum({rate('replay_total', outcome=outcome)})", f"sum({rate('replay_total')})")


ROW = Row(
    "Replay",
    (
        lines(
            "What claims found",
            "first: a new message. retry: the same again, before it had arrived. duplicate: the same again, after "
            "that. replayed: other content under the same Message-ID, or the other way round. unknown: the store gave "
            "no answer.",
            "ops",
            (f"sum by (outcome) ({rate('replay_total')})", "{{outcome}}"),
            stacked=True,
            width=12,
        ),
        lines(
            "Share that was there before",
            "Of all claims. Duplicates come from clients that lost our answer; replays should be none.",
            "percentunit",
            (_share_of("retry"), "retry"),
            (_share_of("duplicate"), "duplicate"),
            (_share_of("replayed"), "replayed"),
            width=12,
        ),
        lines(
            "Age of addresses that were answered",
            "How long after it was minted an address is used. What most stay below is the validity that you need.",
            "s",
            (quantile(0.5, "token_age_seconds", ""), "half"),
            (quantile(0.9, "token_age_seconds", ""), "9 of 10"),
            (quantile(0.99, "token_age_seconds", ""), "99 of 100"),
            width=12,
        ),
        heatmap(
            "Ages",
            "The same, spread out.",
            "s",
            "token_age_seconds",
            width=12,
        ),
    ),
)
