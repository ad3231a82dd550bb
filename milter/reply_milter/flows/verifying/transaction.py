"""The states of one message, and how a recipient moves it from one to another. The table is in ``inbound``."""

from dataclasses import dataclass
from typing import Final, final

from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Content
from reply_milter.flows.verifying.judgement import Answer
from reply_milter.flows.verifying.recipient import RecipientDecision, ReplyRecipient, beside, is_native_of


@dataclass(frozen=True, slots=True)
class Ordinary:
    """No reply recipient stays in the message: header and body are dropped, and its end is not decided about."""


@final
class Replying:
    """One reply recipient is taken, and the message is judged for it.

    ``refused``: those that the MTA accepted all the same, because their refusal waits for the end of the message.
    """

    def __init__(self, content: Content, taken: ReplyRecipient, refused: tuple[RecipientDecision, ...]) -> None:
        self.content: Final = content
        self.taken: Final = taken
        self.refused: Final = refused


@dataclass(frozen=True, slots=True)
class Refusing:
    """All reply recipients that the MTA accepted are refused at the end of the message. ``refused`` is not empty."""

    content: Content
    refused: tuple[RecipientDecision, ...]


@final
class Answered:
    """The end of the message was decided; the edits are being made."""

    def __init__(self, answer: Answer) -> None:
        self.answer: Final = answer


State = Ordinary | Replying | Refusing | Answered

ORDINARY: Final = Ordinary()
WITH_CONTENT: Final = (Replying, Refusing)  # the states that read header and body


@final
class Transaction:
    """Everything that lives as long as one message. Replaced, never cleared.

    ``sender``: the argument of MAIL FROM; empty after a RCPT without one.
    """

    def __init__(self, service: Service, sender: str = "") -> None:
        self.service: Final = service
        self.sender: Final = sender
        self.has_other_recipients = False
        self.state: State = ORDINARY

    @property
    def taken(self) -> ReplyRecipient | None:
        """The reply recipient that the message is judged for; None if there is none yet."""
        return self.state.taken if isinstance(self.state, Replying) else None


@dataclass(frozen=True, slots=True)
class Broken:
    """Stands in place of a transaction of which a step failed that mattered: what follows is deferred."""


def with_beside(state: State, recipient: ReplyRecipient) -> State:
    """The state after a recipient that only doubles the one that is taken; it is removed at the end."""
    assert isinstance(state, Replying)  # noqa: S101 # for there is one that is taken
    return Replying(state.content, state.taken, (*state.refused, beside(recipient)))


def with_recipient(state: State, decided: RecipientDecision) -> State:
    """The state after the MTA accepted a reply recipient, whatever becomes of it at the end of the message.

    An address of ours takes the place of the application's own that it stands for.
    """
    content = state.content if isinstance(state, WITH_CONTENT) else Content()
    refused = state.refused if isinstance(state, WITH_CONTENT) else ()
    handler = decided.recipient.handler
    content.strict = content.strict or (handler is not None and handler.wrap is not None)
    if isinstance(state, Replying) and is_native_of(state.taken, decided.recipient) and decided.may_be_taken:
        refused = (*(one for one in refused if one.recipient is not state.taken), beside(state.taken))
    if decided.refused:
        refused = (*refused, decided)
    if decided.may_be_taken:
        return Replying(content, decided.recipient, refused)
    if isinstance(state, Replying):
        return Replying(content, state.taken, refused)
    return Refusing(content, refused)
