"""reply-milter with a clock that a test moves: a program, run in place of ``-m reply_milter``.

MOVED_CLOCK names a file that holds seconds to add to the time of day. (libfaketime would do the same to Redis as well,
but time.sleep fails under it with EINVAL unless the monotonic clock is moved too, which no clock of a machine does.)
"""

import os
import sys
import time
from pathlib import Path

from reply_milter import cli
from reply_milter.adapters.os.clock import WallClock

_OFFSET = Path(os.environ["MOVED_CLOCK"])


def moved(_clock: WallClock) -> int:
    """The time of day, so much later."""
    return int(time.time()) + int(_OFFSET.read_text())


WallClock.now = moved  # type: ignore[method-assign,assignment]
sys.exit(cli.main())
