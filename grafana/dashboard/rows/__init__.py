"""All rows, in their order."""

from grafana.dashboard.rows import (
    delivery,
    keys,
    latency,
    mailboxes,
    overview,
    process,
    redis,
    replay,
    verdicts,
    wrapped,
)

ROWS = (
    overview.ROW,
    verdicts.ROW,
    replay.ROW,
    latency.ROW,
    redis.ROW,
    delivery.ROW,
    wrapped.ROW,
    mailboxes.ROW,
    keys.ROW,
    process.ROW,
)
