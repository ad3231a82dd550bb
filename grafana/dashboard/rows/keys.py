"""What the daemon works with."""

from grafana.dashboard.panel import HANDLER, Panel, Query, Row, lines, rate, series

_STATES = f"max by (key, state) ({series('key_state')} == 1)"
_USED = f"max by (key) ({series('key_last_used_timestamp_seconds')} > 0) * 1000"
_EXPIRES = f"max by (key) ({series('key_last_address_expires_timestamp_seconds')}) * 1000"

# Since the daemon started, if none came back yet: 0 is not a time. Nothing where none is sent.
_SINCE_START = f"max without (process) ({series('process_start_time_seconds', process='supervisor')})"


def canary_age(name: str) -> str:
    """How long ago a canary succeeded."""
    last = f"{series(f'{name}_last_success_timestamp_seconds')} > 0 or {_SINCE_START}"
    return f"time() - ({last}) and on (job, instance) {series(f'{name}_interval_seconds')} > 0"


CANARY_AGE = canary_age("canary")

ROW = Row(
    "Keys and configuration",
    (
        Panel(
            "Master keys",
            "What each does, when it last verified a reply on any host, and when the last address that it minted "
            "expires: after that it may be retired.",
            "dateTimeFromNow",
            (
                Query(_STATES, "__auto", instant=True, format="table"),
                Query(_USED, "__auto", instant=True, format="table"),
                Query(_EXPIRES, "__auto", instant=True, format="table"),
            ),
            kind="table",
            width=12,
            units={"Value #A": "none"},
            hidden=("Time", "Value #A"),
            names={"Value #B": "last used", "Value #C": "last address expires"},
        ),
        lines(
            "Last use of keys",
            "How long ago each key verified a reply. A key that is not used any more can be retired.",
            "s",
            (f"time() - max by (key) ({series('key_last_used_timestamp_seconds')} > 0)", "{{key}}"),
            width=12,
        ),
        lines(
            "Addresses minted",
            "By the signing milter, by handler. Addresses that applications mint themselves are not seen here.",
            "ops",
            (f"sum by (handler) ({rate('minted_total', **HANDLER)})", "{{handler}}"),
            stacked=True,
        ),
        lines(
            "Notifications",
            "Outgoing messages that asked for a reply address. refused: the request can't be met, and its "
            "application got the reason. ignored: from a client that may not ask, or from elsewhere.",
            "ops",
            (f"sum by (outcome) ({rate('notifications_total')})", "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Notifications without an address",
            "Outgoing messages that left without the reply address they asked for, because their client may not ask: "
            "nobody can answer them by mail. The log names each client, and who may ask.",
            "ops",
            (f"sum by (instance) ({rate('notifications_untrusted_total')})", "{{instance}}"),
        ),
        lines(
            "Settings",
            "Whether the last reload was good, and whether the mode is enforce, by host.",
            "none",
            (f"min by (instance) ({series('config_last_reload_success')})", "{{instance}} reload"),
            (f"min by (instance) ({series('enforcing')})", "{{instance}} enforce"),
            maximum=1,
        ),
        lines(
            "Canary, last success",
            "How long ago, or since the daemon started if none was yet; and the interval at which one is sent.",
            "s",
            (CANARY_AGE, "{{instance}}"),
            (f"max({series('canary_interval_seconds')})", "interval"),
            width=12,
        ),
        lines(
            "Canary, failures",
            "unreachable: no worker answers. refused, deferred: a genuine address heard 5xx or 4xx. "
            "forged_accepted: a forged one was taken: stop everything.",
            "ops",
            (f"sum by (reason) ({rate('canary_failures_total')})", "{{reason}}"),
            width=12,
        ),
    ),
)
