"""What is done about each reason: the operator's table over the defaults; and how findings make one verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reply_milter.core.verdict.answer import Action, SmtpReply
from reply_milter.core.verdict.reasons import REASONS, Cause, Reason, reply_for

# The policy keys, and what each may say.
ALLOWED: Mapping[Reason, frozenset[Action]] = {
    reason: about.allowed for reason, about in REASONS.items() if about.allowed
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``fixed`` overrules the policy; ``because`` is for the operator, never for the client."""

    reason: Reason
    reply: SmtpReply
    fixed: Action | None = None
    because: Cause | None = None

    @classmethod
    def of(cls, reason: Reason, because: Cause | None = None) -> "Finding":
        """Make a finding with the standing words for ``reason``."""
        return cls(reason, reply_for(reason), because=because)


@dataclass(frozen=True, slots=True)
class Policy:
    """The action for each reason. ``observe``: everything is evaluated and nothing is refused.

    ``replies_per_token``, ``senders_per_token``: how many different messages, and authors, one address takes; 0: any.
    """

    observe: bool = False
    actions: Mapping[Reason, Action] = field(default_factory=dict)
    replies_per_token: int = 0
    senders_per_token: int = 0

    def action(self, finding: Finding) -> Action:
        """Return the action for ``finding``."""
        if finding.fixed is not None:
            return finding.fixed
        return self._action(finding.reason)

    def _action(self, reason: Reason) -> Action:
        if reason in self.actions:
            return self.actions[reason]
        about = REASONS[reason]
        return about.default if about.follows is None else self._action(about.follows)

    def decide(self, findings: Iterable[Finding]) -> tuple[Finding | None, Action]:
        """Return the finding that decides, and its action: the first that is not accepted, else the first of all."""
        first = None
        for finding in findings:
            action = self.action(finding)
            if action is not Action.ACCEPT:
                return finding, action
            first = first or finding
        return first, Action.ACCEPT
