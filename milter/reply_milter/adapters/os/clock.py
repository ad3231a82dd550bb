"""The system's clock."""

import time


class WallClock:
    """Implements ``ports.Clock``."""

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())
