"""What a connection of the MTA asks its process."""

from collections.abc import Callable
from typing import Final, final

from reply_milter.ports import ConnectionTelemetry, Conversation


@final
class Hooks:
    """``converse`` starts a conversation with a client, given its IP address; ``telemetry`` counts that client's steps.

    ``accepts_early``: whether DATA may end a message. ``over_tcp``: MTAs connect to a TCP port.
    """

    __slots__ = ("accepts_early", "converse", "over_tcp", "telemetry")

    def __init__(
        self,
        converse: Callable[[str], Conversation],
        telemetry: Callable[[str], ConnectionTelemetry],
        accepts_early: Callable[[], bool],
        over_tcp: bool,
    ) -> None:
        self.converse: Final = converse
        self.telemetry: Final = telemetry
        self.accepts_early: Final = accepts_early
        self.over_tcp: Final = over_tcp
