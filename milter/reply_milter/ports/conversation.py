"""What the door to the MTA speaks with, and what it counts."""

from dataclasses import dataclass, field
from typing import Protocol

from reply_milter.core.verdict.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Login:
    """The name that a client has logged in by, as the MTA tells it; empty for none. It stands in no traceback."""

    name: str = field(default="", repr=False)


NO_LOGIN = Login()


class Conversation(Protocol):
    """One SMTP client at one kind of milter. Methods carry the SMTP word; each returns what is to be answered."""

    def mail(self, sender: str, login: Login) -> None:
        """MAIL FROM: the only start of a message. ``login``: what the MTA told of one, where it was asked."""
        ...

    def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str) -> Verdict:
        """RCPT TO. ``resolved`` is ``{rcpt_addr}``; not ``over_smtp`` where the MTA gives no ``{rcpt_mailer}``.

        ``queue_id`` is empty while the MTA has none: Postfix, until it has accepted a recipient.
        """
        ...

    def header(self, name: str, value: str) -> None:
        """One header field, unfolded or not."""
        ...

    def body(self, chunk: bytes) -> bool:
        """A piece of the body. False: the rest of it is not needed."""
        ...

    def mark_broken(self) -> None:
        """A step that can't answer failed: end of message must not decide on half a message."""
        ...

    def end_of_message(self, queue_id: str) -> Verdict:
        """The final dot. The verdict's edits are to be performed, then ``done`` or ``failed`` to be called."""
        ...

    def done(self) -> None:
        """The edits were made and the answer is about to go to the MTA."""
        ...

    def failed(self) -> None:
        """The answer could not be given."""
        ...

    def abort(self) -> None:
        """RSET, or the client is gone."""
        ...


class ConnectionTelemetry(Protocol):
    """What the door to the MTA counts."""

    def connection_opened(self) -> None:
        """An MTA connected."""
        ...

    def connection_closed(self) -> None:
        """It is gone."""
        ...

    def stage_started(self) -> None:
        """A callback that may decide begins."""
        ...

    def stage_ended(self, name: str) -> None:
        """It has its answer."""
        ...

    def internal_error(self, name: str) -> None:
        """An error of ours was caught at the stage ``name``, and the client told to come again."""
        ...
