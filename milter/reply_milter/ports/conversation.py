"""What the adapter of the MTA's milter protocol speaks with, and what it counts."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.core.verdict.verdict import Defer, Verdict
from reply_milter.ports.asking import Pending
from reply_milter.ports.telemetry import Stage

# The answer to a message of which a step failed in our code: the client keeps it and retries.
DEFER_INTERNAL: Final = Defer(Reason.INTERNAL, reply_for(Reason.INTERNAL))


@dataclass(frozen=True, slots=True)
class Login:
    """The name that a client has authenticated as, by the MTA's word; empty for none. No traceback shows it."""

    name: str = field(default="", repr=False)


NO_LOGIN = Login()


class Conversation(Protocol):
    """One SMTP client at one kind of milter. Methods have the names of SMTP's steps; each returns the answer.

    None of them waits: where an answer needs the store, it is ``Pending``.
    """

    def mail(self, sender: str, login: Login) -> None:
        """Begin a message: MAIL FROM. ``login``: what the MTA says of one, where it was asked."""
        ...

    def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str) -> Verdict | Pending[Verdict]:
        """Answer RCPT TO. ``resolved`` is ``{rcpt_addr}``; not ``over_smtp`` where the MTA gives no ``{rcpt_mailer}``.

        ``queue_id`` is empty while the MTA has none: Postfix, until it has accepted a recipient.
        """
        ...

    def data(self) -> bool:
        """Note DATA: all recipients are known. False: nothing of the message concerns us, whatever follows."""
        ...

    def header(self, name: str, value: str) -> None:
        """Take one header field, unfolded or not."""
        ...

    def body(self, chunk: bytes) -> bool:
        """Take a piece of the body. False: the rest of it is not needed."""
        ...

    def mark_broken(self) -> None:
        """Note that a step failed which has no answer of its own, or that no message could be begun.

        What follows of the message is answered with ``DEFER_INTERNAL``, unless the step could not matter to it.
        """
        ...

    def end_of_message(self, queue_id: str) -> Verdict | Pending[Verdict]:
        """Answer the final dot. The caller performs the verdict's edits, then calls ``done`` or ``failed``."""
        ...

    def done(self) -> None:
        """Note that the edits were made, and that the answer is about to go to the MTA."""
        ...

    def failed(self) -> Pending[None] | None:
        """Note that the answer could not be given."""
        ...

    def abort(self) -> None:
        """Forget the message: RSET, or the client is gone."""
        ...


class ConnectionTelemetry(Protocol):
    """What the adapter of the MTA's milter protocol counts."""

    def connection_opened(self) -> None:
        """Count a connection of an MTA."""
        ...

    def connection_closed(self) -> None:
        """Count its end."""
        ...

    def stage_started(self) -> float:
        """Note that a step begins which may decide; return when, for ``stage_resumed``."""
        ...

    def stage_resumed(self, started: float) -> None:
        """Note that a step goes on which began then, after others of other connections."""
        ...

    def stage_ended(self, stage: Stage) -> None:
        """Note that it has its answer."""
        ...

    def internal_error(self, stage: Stage) -> None:
        """Count a deferral at ``stage`` because of an error in our code."""
        ...
