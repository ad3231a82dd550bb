"""reply-milter, with a delivery hook that dies by SIGKILL at a point of a test's choice, once for each time it is told.

A program, run in place of ``-m reply_milter``: DYING_POINT names a file; while it holds a point's name, whoever
reaches that point removes the file and dies.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reply_milter import cli
from reply_milter.adapters.handlers.webhook import WebhookDeliverer
from reply_milter.adapters.redis_store import RedisStore
from reply_milter.flows.delivering import delivery

_ARMED = Path(os.environ["DYING_POINT"])


def reach(point: str) -> None:
    """Die here, if this is the point."""
    try:
        armed = _ARMED.read_text() == point
    except FileNotFoundError:
        return
    if armed:
        _ARMED.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def around(deed: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
    """``deed`` between two points."""

    def dangerous(*given: Any) -> Any:
        reach(before)
        result = deed(*given)
        reach(after)
        return result

    return dangerous


delivery.open_reply = around(delivery.open_reply, "before open", "after open")  # type: ignore[attr-defined]
WebhookDeliverer.process = around(WebhookDeliverer.process, "before call", "after call")  # type: ignore[method-assign]
RedisStore.commit = around(RedisStore.commit, "before commit", "after commit")  # type: ignore[method-assign]
sys.exit(cli.main())
