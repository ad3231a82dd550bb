"""What the steps of a connection write into the log."""

import logging

from reply_milter.core.mail.headers import Edit
from reply_milter.core.milter_protocol.answers import cannot_be_removed
from reply_milter.core.milter_protocol.arguments import Macros

log = logging.getLogger(__name__)


def queue_of(macros: Macros) -> str:
    """The queue id, by which the MTA's own lines are found, for the end of a log line; empty if there is none yet."""
    queue_id = macros.text(b"i") or ""
    return f" queue={queue_id}" if queue_id and queue_id.isprintable() else ""


def tell_of_kept(edits: tuple[Edit, ...]) -> None:
    """Warn of a refused recipient that the MTA is not asked to remove."""
    if any(cannot_be_removed(edit) for edit in edits):
        log.warning("cannot remove a refused recipient that is not UTF-8: it gets the message, without a verdict")
