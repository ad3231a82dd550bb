"""reply-milter, every step of which fails when a test says so: a program, run in place of ``-m reply_milter``.

FAILING names a file; while it holds a step's name, that step raises, with what it was given of a mail in its words,
as exceptions of libraries do.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reply_milter import cli
from reply_milter.adapters.handlers.webhook import WebhookDeliverer
from reply_milter.core.delivery.reply import Reply
from reply_milter.flows.delivering import delivery
from reply_milter.flows.signing.outbound import Submission
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.processes import delivery_worker

_TOLD = Path(os.environ["FAILING"])
STEPS = ("mail", "rcpt", "header", "body", "end_of_message", "done", "abort")


def _is_mail(given: object) -> bool:
    return isinstance(given, str | bytes | Reply)


def failing(name: str, deed: Callable[..., Any]) -> Callable[..., Any]:
    """Run ``deed``, or fail if the test asks for it."""

    def dangerous(*given: Any, **named: Any) -> Any:
        if _TOLD.read_text() == name:
            raise ValueError(f"{name} stumbles over {[one for one in given if _is_mail(one)]!r}")
        return deed(*given, **named)

    return dangerous


for step in STEPS:
    for kind in (Connection, Submission):
        setattr(kind, step, failing(step, getattr(kind, step)))
WebhookDeliverer.process = failing("deliver", WebhookDeliverer.process)  # type: ignore[method-assign]
delivery.open_reply = failing("open", delivery.open_reply)  # type: ignore[attr-defined]
delivery_worker.maintain_parking = failing("maintain", delivery_worker.maintain_parking)  # type: ignore[attr-defined]
sys.exit(cli.main())
