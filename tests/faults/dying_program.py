"""reply-milter, with a process that dies by SIGKILL at a point of a test's choice, once for each time it is told.

A program, run in place of ``-m reply_milter``: DYING_POINT names a file; while it holds a point's name, whoever
reaches that point removes the file and dies. DYING_PROCESS, ``hook`` or ``fetcher``, says whose points there are. With
DYING_AGAIN, it lives again and again: each life is a fork of a process that has imported everything.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reply_milter import cli
from reply_milter.adapters.handlers.webhook import WebhookDeliverer
from reply_milter.adapters.imap.mailbox import ImapMailbox
from reply_milter.adapters.os.process_tree import die_with_parent
from reply_milter.adapters.redis_store import RedisMailboxTurns, RedisStore
from reply_milter.adapters.state_dir.mailboxes import MailboxRecord
from reply_milter.flows.delivering import delivery
from reply_milter.flows.fetching import handling

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


def live_again() -> None:
    """Return in a child, and in another one whenever that was killed."""
    parent = os.getpid()
    while True:
        child = os.fork()
        if not child:
            die_with_parent(parent)()
            return
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != -signal.SIGKILL:
            os._exit(code)


def around(deed: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
    """``deed`` between two points."""

    def dangerous(*given: Any) -> Any:
        reach(before)
        result = deed(*given)
        reach(after)
        return result

    return dangerous


WebhookDeliverer.process = around(WebhookDeliverer.process, "before call", "after call")  # type: ignore[method-assign]
if os.environ["DYING_PROCESS"] == "hook":
    delivery.open_reply = around(delivery.open_reply, "before open", "after open")  # type: ignore[attr-defined]
    RedisStore.commit = around(RedisStore.commit, "before commit", "after commit")  # type: ignore[method-assign]
else:
    for name in ("fetch", "beginnings"):
        setattr(ImapMailbox, name, around(getattr(ImapMailbox, name), "before fetch", "after fetch"))
    handling.judge = around(handling.judge, "", "after judge")  # type: ignore[attr-defined]
    MailboxRecord.put = around(MailboxRecord.put, "", "after seal")  # type: ignore[method-assign]
    note = around(RedisMailboxTurns.note, "before note", "after note")
    RedisMailboxTurns.note = note  # type: ignore[method-assign]
    ImapMailbox.move = around(ImapMailbox.move, "before move", "after move")  # type: ignore[method-assign]
    RedisStore.commit_all = around(RedisStore.commit_all, "", "after commit")  # type: ignore[method-assign]
    MailboxRecord.close = around(MailboxRecord.close, "", "after close")  # type: ignore[method-assign]
if "DYING_AGAIN" in os.environ:
    live_again()
sys.exit(cli.main())
