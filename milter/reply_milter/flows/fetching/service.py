"""The rules and ports of the flow that reads a mailbox. A reload replaces them whole, between two looks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reply_milter.core.fetching.outcome import Folder
from reply_milter.flows.delivering.service import HookService
from reply_milter.flows.service import Service
from reply_milter.ports.fetching import FetchRecord, FetchTelemetry, MailboxTurns
from reply_milter.ports.mailbox import Mailbox

if TYPE_CHECKING:
    from reply_milter.flows.fetching.handling import Ended, Ready


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What the configuration says about a mailbox.

    ``identity``: names it on this host, whatever its table is called. ``field``: where the recipient stands, in lower
    case; empty for To and Cc. ``processed``: empty where messages are deleted instead. ``max_message_bytes``: larger
    ones are not read. ``idles``: the server reports new mail, if it can; else it is asked each ``poll_seconds``.
    """

    identity: str
    field: str
    processed: str
    rejected: str
    max_message_bytes: int
    poll_seconds: int = 60
    idles: bool = True

    def name_of(self, folder: Folder) -> str:
        """The folder's name; empty where messages are deleted instead."""
        return self.processed if folder is Folder.PROCESSED else self.rejected


@dataclass(frozen=True, slots=True)
class FetchService:
    """The rules, both flows, and the ports. Neither of the flows commits: ``look`` does, when a message was moved.

    ``side_by_side`` calls a function for each of several replies, at the same time where it can, in the same order.
    """

    rules: FetchRules
    verifying: Service
    delivering: HookService
    mailbox: Mailbox
    record: FetchRecord
    turns: MailboxTurns
    telemetry: FetchTelemetry
    side_by_side: Callable[[Callable[["Ready"], "Ended"], Sequence["Ready"]], list["Ended"]]
