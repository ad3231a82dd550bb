"""Is all well, at a glance."""

from grafana.dashboard.panel import (
    BLUE,
    GREEN,
    HANDLER,
    HOST,
    ORANGE,
    RED,
    Row,
    increase,
    lines,
    rate,
    series,
    share,
    stat,
)
from grafana.dashboard.rows.keys import CANARY_AGE

_OURS = {"verdict": "defer", "reason": "!~not_alone|throttled"}
_KEPT_OUT = {"verdict": "defer", "reason": "!~parking_full"}
_DEFERRED = f"sum({increase('recipients_total', **_OURS)}) + sum({increase('messages_total', **_KEPT_OUT)})"
_ALL = f"sum({increase('recipients_total')}) + sum({increase('messages_total')})"
_REFUSED = {"verdict": "=~reject|discard|dropped"}

ROW = Row(
    "Overview",
    (
        stat(
            "Replies taken",
            "Messages to reply addresses that were accepted in the time shown.",
            "short",
            f"sum({increase('messages_total', verdict='accept', **HANDLER)})",
            decimals=0,
            thresholds={None: GREEN},
        ),
        stat(
            "Refused",
            "Recipients and messages that were refused, thrown away, or taken off a message to others, in the time "
            "shown. The row below says why.",
            "short",
            f"sum({increase('recipients_total', **_REFUSED)}) + sum({increase('messages_total', **_REFUSED)})",
            decimals=0,
            thresholds={None: BLUE},
        ),
        stat(
            "Told to come again",
            "Share of answers that were 4xx for a reason of ours: the store, or an error. Second recipients "
            "(not_alone) and throttled guesses are left out.",
            "percentunit",
            share(_DEFERRED, _ALL),
            nothing="no replies",
            thresholds={None: GREEN, 0.01: ORANGE, 0.1: RED},
            may_be_zero=True,
        ),
        stat(
            "Processes",
            "Share of the daemon's processes that run. The row Process names those that don't.",
            "percentunit",
            f"avg({series('process_up')})",
            thresholds={None: RED, 0.99: GREEN},
        ),
        stat(
            "Store",
            "Whether the store answered the last operation, on all hosts. While it is down replies hear 451, or "
            "pass unchecked with store.on_failure = accept.",
            "none",
            f"min({series('store_up')})",
            words={"0": ("down", RED), "1": ("up", GREEN)},
        ),
        stat(
            "Canary",
            "How long ago the milter last accepted a genuine address and refused a forged one, on the host where that "
            "is longest ago; since the daemon started, if it never did.",
            "s",
            f"max({CANARY_AGE})",
            nothing="off",
            thresholds={None: GREEN, 180: ORANGE, 300: RED},
        ),
        stat(
            "Mode",
            "Observe mode evaluates everything and refuses nothing. Shown if at least one host is in it.",
            "none",
            f"min({series('enforcing')})",
            words={"0": ("observe", ORANGE), "1": ("enforce", GREEN)},
        ),
        stat(
            "Configuration",
            "Whether the file was good when it was last read. If not, the old settings stay; the log says why.",
            "none",
            f"min({series('config_last_reload_success')})",
            words={"0": ("refused", RED), "1": ("in force", GREEN)},
        ),
        lines(
            "Traffic",
            "Reply recipients that were asked about at RCPT, and messages that came to their end. Ordinary mail is "
            "not counted.",
            "ops",
            (f"sum({rate('recipients_total')})", "recipients"),
            (f"sum({rate('messages_total', **HANDLER)})", "messages"),
            width=10,
        ),
        lines(
            "Alerts",
            "Alerts of ours that fire. Each has a runbook in docs/runbooks.",
            "none",
            (f'sum by (alertname) (ALERTS{{{HOST},alertname=~"ReplyMilter.+",alertstate="firing"}})', "{{alertname}}"),
            width=10,
            stacked=True,
        ),
        stat(
            "Version",
            "Hosts by the version that they run.",
            "none",
            f"count by (version) ({series('build_info')})",
            "{{version}}",
            width=4,
            height=8,
        ),
    ),
)
