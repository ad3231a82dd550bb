"""Applications that know nothing of us: what leaves wrapped, what reaches their own addresses, and what is restored."""

from grafana.dashboard.panel import HANDLER, Row, lines, rate, series
from grafana.dashboard.rows.keys import canary_age

ROW = Row(
    "Wrapped applications",
    (
        lines(
            "Wrapped notifications",
            "wrapped: left with an address of ours. refused: can't be wrapped, and its application got the reason. "
            "deferred: neither capsule nor store. would_...: in observe mode, left as it came.",
            "ops",
            (f"sum by (outcome) ({rate('wrapped_total', **HANDLER)})", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Left wrapped, by handler",
            "If one falls to 0 while its application sends, its notifications leave past the sign milter.",
            "ops",
            (f"sum by (handler) ({rate('wrapped_total', outcome='wrapped', **HANDLER)})", "{{handler}}"),
            stacked=True,
        ),
        lines(
            "What addresses stand for",
            "Copies that the store kept, or failed to take within 50 ms; and notifications without a capsule, which "
            "the store has alone.",
            "ops",
            (f"sum by (outcome) ({rate('wrapped_copies_total', **HANDLER)})", "copy {{outcome}}"),
            (f"sum({rate('wrapped_capsules_left_out_total', **HANDLER)})", "no capsule"),
        ),
        lines(
            "Applications' own addresses",
            "refused: answers to a notification that was not wrapped. unfit: no such address is given out, or the "
            "message is malformed. beside: removed from a reply to all. passed: restored by the hook.",
            "ops",
            (f"sum by (class, outcome) ({rate('native_total', **HANDLER)})", "{{class}} {{outcome}}"),
            stacked=True,
        ),
        lines(
            "Native addresses refused, by handler",
            "With nothing left wrapped of that handler, all its users are refused.",
            "ops",
            (
                f"sum by (handler) ({rate('native_total', outcome='refused', **{'class': 'native'}, **HANDLER)})",
                "{{handler}}",
            ),
        ),
        lines(
            "Native addresses that are verified",
            "spellings: genuine, as the application never writes them: somebody plays. "
            "source: 1 while it gives answers.",
            "none",
            (f"sum by (handler) ({rate('native_spellings_total', **HANDLER)})", "spellings {{handler}}"),
            (f"min by (handler) ({series('native_source_up', **HANDLER)})", "source {{handler}}"),
            (
                f"max by (handler) ({series('native_source_changed_timestamp_seconds', **HANDLER)})",
                "changed {{handler}}",
            ),
        ),
        lines(
            "Restored",
            "What applications took under their own address, by handler and class.",
            "ops",
            (f"sum by (handler, class) ({rate('restored_total', **HANDLER)})", "{{handler}} {{class}}"),
            stacked=True,
        ),
        lines(
            "Wrapped canary, last success",
            "How long ago, or since the daemon started if none was yet; and the interval at which one is sent.",
            "s",
            (canary_age("wrapped_canary"), "{{instance}}"),
            (f"max({series('wrapped_canary_interval_seconds')})", "interval"),
            width=12,
        ),
        lines(
            "Wrapped canary, failures",
            "not_wrapped: the sign milter refused it, or left it as it was. refused, deferred: its answer. "
            "not_restored: the hook could not give it back. unreachable: no worker answers.",
            "ops",
            (f"sum by (reason) ({rate('wrapped_canary_failures_total')})", "{{reason}}"),
            width=12,
        ),
        lines(
            "Native canary, last success",
            "How long ago, or since the daemon started if none was yet; and the interval at which one is sent.",
            "s",
            (canary_age("native_canary"), "{{instance}}"),
            (f"max({series('native_canary_interval_seconds')})", "interval"),
            width=12,
        ),
        lines(
            "Native canary, failures",
            "source: it gives no answer, or does not know the canary's user. refused, deferred: a genuine address of "
            "that user. forged_accepted: must never happen. unreachable: no worker answers.",
            "ops",
            (f"sum by (reason) ({rate('native_canary_failures_total')})", "{{reason}}"),
            width=12,
        ),
    ),
)
