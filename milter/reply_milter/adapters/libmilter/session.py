"""What is kept of one connection of the MTA."""

import Milter

from reply_milter.ports import ConnectionTelemetry, Conversation


class Session:
    """One connection of the MTA, and what to return from the steps that have no other answer than "continue"."""

    __slots__ = (
        "after_body",
        "after_connect",
        "after_end_of_header",
        "after_header",
        "after_last_body",
        "after_mail",
        "connection",
        "telemetry",
    )

    def __init__(self, steps: int, telemetry: ConnectionTelemetry) -> None:
        self.connection: Conversation | None = None
        self.telemetry = telemetry
        self.after_connect, self.after_mail, self.after_header, self.after_end_of_header, self.after_body = (
            int(Milter.NOREPLY if steps & silent else Milter.CONTINUE)
            for silent in (Milter.P_NR_CONN, Milter.P_NR_MAIL, Milter.P_NR_HDR, Milter.P_NR_EOH, Milter.P_NR_BODY)
        )
        self.after_last_body = int(Milter.SKIP) if steps & Milter.P_SKIP else self.after_body  # no more is wanted
