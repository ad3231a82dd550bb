"""Times as people read them."""

from datetime import UTC, datetime


def moment(unix: int | None) -> str:
    """Unix seconds as a date and time of UTC; a dash for none."""
    return "-" if not unix else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
