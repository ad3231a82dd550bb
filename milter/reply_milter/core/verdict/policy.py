"""What is done about each reason: the operator's table over our defaults; and how findings make one verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reply_milter.core.verdict.verdict import Action, Cause, Reason, SmtpReply, reply_for

_EARLY = frozenset({Action.REJECT, Action.DEFER})
_ANY = frozenset(Action)

# Reasons found before a good checksum may only be refused: nothing else is known of such mail.
ALLOWED: Mapping[Reason, frozenset[Action]] = {
    Reason.MALFORMED: _EARLY,
    Reason.FORGED: _EARLY,
    Reason.EXPIRED: _ANY,
    Reason.REVOKED: _ANY,
    Reason.TOO_LARGE: _ANY,
    Reason.AUTO_REPLY: _ANY,
    Reason.BOUNCE: _ANY,
    Reason.LOOP: _ANY,
    Reason.THREAD_MISMATCH: _ANY,
    Reason.THREAD_ABSENT: _ANY,
    Reason.SENDER_MISMATCH: _ANY,
    Reason.SENDER_UNKNOWN: _ANY,
    Reason.AUTH_FAIL: _ANY,
    Reason.AUTH_NONE: _ANY,
    Reason.SPENT: _ANY,
    Reason.LEAKED: _ANY,
    Reason.DUPLICATE: _ANY,
    Reason.REPLAYED: _ANY,
}
_DEFAULTS = {
    Reason.AUTO_REPLY: Action.DISCARD,
    Reason.SENDER_UNKNOWN: Action.ACCEPT,
    Reason.AUTH_FAIL: Action.ACCEPT,
}
# Reasons that are treated as another one where nothing is written about them: who wants proof wants no silence either.
_AS = {Reason.AUTH_NONE: Reason.AUTH_FAIL}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found. ``fixed`` overrules the table: what is no matter of policy.

    ``because`` tells the operator what the client is not told.
    """

    reason: Reason
    reply: SmtpReply
    fixed: Action | None = None
    because: Cause | None = None

    @classmethod
    def of(cls, reason: Reason, because: Cause | None = None) -> "Finding":
        """A finding with the standing words for ``reason``."""
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
        """What is to be done about ``finding``."""
        if finding.fixed is not None:
            return finding.fixed
        return self._written(finding.reason)

    def _written(self, reason: Reason) -> Action:
        action = self.actions.get(reason)
        if action is None and reason in _AS:
            return self._written(_AS[reason])
        return action or _DEFAULTS.get(reason, Action.REJECT)

    def decide(self, findings: Iterable[Finding]) -> tuple[Finding | None, Action]:
        """The finding that decides, and its action: the first that is not accepted, else the first of all."""
        first = None
        for finding in findings:
            action = self.action(finding)
            if action is not Action.ACCEPT:
                return finding, action
            first = first or finding
        return first, Action.ACCEPT
