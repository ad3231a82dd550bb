"""Format times for people."""

from datetime import UTC, datetime


def moment(unix: int | None) -> str:
    """Return Unix seconds as date and time in UTC; a dash for None."""
    return "-" if not unix else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
