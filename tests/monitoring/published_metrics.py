"""The metrics that others rely on by name, with their labels."""

import re
from collections.abc import Mapping

PUBLISHED: dict[str, set[str]] = {
    "recipients_total": {"verdict", "reason"},
    "messages_total": {"verdict", "reason", "handler"},
    "stage_seconds_bucket": {"stage", "le"},
    "store_seconds_bucket": {"operation", "le"},
    "store_errors_total": {"operation", "kind"},
    "store_up": set(),
    "replay_total": {"outcome"},
    "token_age_seconds_bucket": {"le"},
    "minted_total": {"handler"},
    "key_last_used_timestamp_seconds": {"key"},
    "connections": set(),
    "address_disagreements_total": set(),
    "headers_stripped_total": set(),
    "deliveries_total": {"handler", "outcome"},
    "parked": set(),
    "build_info": {"version"},
    "canary_last_success_timestamp_seconds": set(),
    "config_last_reload_success": set(),
}

# Where an application is wrapped.
OF_WRAPPED: dict[str, set[str]] = {
    "wrapped_total": {"handler", "outcome"},
    "wrapped_copies_total": {"handler", "outcome"},
    "wrapped_capsules_left_out_total": {"handler"},
    "native_total": {"handler", "class", "outcome"},
    "native_spellings_total": {"handler"},
    "restored_total": {"handler", "class"},
    "wrapped_canary_last_success_timestamp_seconds": set(),
    "wrapped_canary_failures_total": {"reason"},
    "native_canary_last_success_timestamp_seconds": set(),
    "native_canary_failures_total": {"reason"},
}


def missing(page: str, published: Mapping[str, set[str]] = PUBLISHED) -> list[str]:
    """What of ``published`` the page does not show, or with other labels."""
    found = []
    for name, labels in published.items():
        line = re.search(rf"(?m)^reply_milter_{name}(?:\{{(.*)\}})? ", page)
        if line is None or set(re.findall(r"(\w+)=", line[1] or "")) != labels:
            found.append(name)
    return found
