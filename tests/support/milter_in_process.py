"""A milter client for the canary whose conversations are in this process: the flows, without libmilter."""

from collections.abc import Callable
from dataclasses import dataclass

from reply_milter.core.mail.edited import HeaderFields
from reply_milter.core.verdict.answer import SmtpReply
from reply_milter.core.verdict.verdict import Accept, Verdict
from reply_milter.flows.driving import settled
from reply_milter.ports import NO_LOGIN, Conversation
from reply_milter.ports.canary import Submitted


@dataclass
class MilterInProcess:
    """Implements ``ports.canary.MessageClient`` and ``MilterClient``. ``converse`` begins a conversation."""

    converse: Callable[[], Conversation]

    def message(self, sender: str, recipient: str, fields: HeaderFields, body: bytes) -> Submitted:
        """See ``ports.canary.MessageClient``."""
        conversation = self.converse()
        conversation.mail(f"<{sender}>", NO_LOGIN)
        refusal = _refusal(settled(conversation.rcpt(f"<{recipient}>", recipient, True, "")))
        if refusal:
            return Submitted(refusal)
        for name, value in fields:
            conversation.header(name, value)
        conversation.body(body)
        verdict = settled(conversation.end_of_message("canary"))
        conversation.done()
        return Submitted(_refusal(verdict), verdict.edits if isinstance(verdict, Accept) else ())

    def recipient(self, address: str) -> str:
        """See ``ports.canary.MilterClient``."""
        conversation = self.converse()
        conversation.mail("<>", NO_LOGIN)
        refusal = _refusal(settled(conversation.rcpt(f"<{address}>", address, True, "")))
        conversation.abort()
        return refusal

    def close(self) -> None:
        """See ``ports.canary.MessageClient``."""


def _refusal(verdict: Verdict) -> str:
    if isinstance(verdict, Accept):
        return ""
    reply = getattr(verdict, "reply", None)
    assert isinstance(reply, SmtpReply)
    return f"{reply.code} {reply.enhanced} {reply.text}"
