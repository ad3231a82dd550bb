"""One reply recipient: what its address says, and what the store knows of it. Writes nothing: probes leave no trace."""

from dataclasses import dataclass, field

from reply_milter.core.mail.domain import in_ascii_lower_case
from reply_milter.core.token.address import ReplyAddress
from reply_milter.core.token.token import Token
from reply_milter.core.token.verify import Checked, Facts, Junk, check_standing, check_token
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding, Policy
from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.flows.service import Service
from reply_milter.ports import StoreUnavailableError


@dataclass(slots=True)
class ReplyRecipient:
    """A reply recipient of this transaction. ``arguments``: the client's spellings of it, for the MTA.

    ``checked`` is None for what has no good checksum; ``facts`` is None where the store gave none.
    """

    domain: str
    local: str
    policy: Policy
    checked: Checked | None = None
    facts: Facts | None = None
    findings: list[Finding] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    @property
    def token_id(self) -> str:
        """Names the token in logs; empty without a good checksum."""
        return self.checked.token_id if self.checked else ""

    @property
    def handler_name(self) -> str:
        """For metrics and logs; empty without a good checksum."""
        return self.checked.handler.name if self.checked else ""

    def is_same(self, address: ReplyAddress) -> bool:
        """Whether ``address`` bears the same token: the domain and the case of ASCII letters don't matter."""
        return in_ascii_lower_case(self.local) == in_ascii_lower_case(address.local)


def assess(service: Service, address: ReplyAddress, client: str) -> ReplyRecipient:
    """Check the address of a reply recipient, in the contract's order. At most one read of the store."""
    rules, now = service.rules, service.clock.now()
    form = rules.form
    checked = check_token(form.token_text(address.local), form.checksum_length, rules.keyring, rules.handlers, now)
    if isinstance(checked, Junk):
        junk = _throttled(service, client, now) if checked.guess else _as_long(service, checked)
        return ReplyRecipient(address.domain, address.local, rules.policy, findings=[junk or checked.finding])
    recipient = ReplyRecipient(address.domain, address.local, checked.handler.policy, checked)
    recipient.facts, missing = _ask(service, checked.token, checked.token_id)
    standing = check_standing(checked, recipient.facts, now)
    recipient.findings = [finding for finding in (standing, missing) if finding is not None]
    return recipient


def store_unavailable(service: Service, has_other_recipients: bool = False) -> Finding:
    """The store gave no answer: what the operator wants done then.

    With other recipients the client would not retry for this one alone: a deferral would concern them as well, and
    removing the reply recipient behind a 250 would lose the reply. So it is accepted, with ``replay=unknown``.
    """
    action = Action.ACCEPT if has_other_recipients or service.rules.store.accepts_without else Action.DEFER
    return Finding(Reason.STORE_UNAVAILABLE, reply_for(Reason.STORE_UNAVAILABLE), fixed=action)


def _ask(service: Service, token: Token, token_id: str) -> tuple[Facts | None, Finding | None]:
    try:
        return service.store.facts(token.user, token.handler, token.context, token_id), None
    except StoreUnavailableError:
        return None, store_unavailable(service)


def _as_long(service: Service, junk: Junk) -> Finding | None:
    """Ask about what is forged for all its good checksum; what to answer instead where a disabled user's is put off.

    Neither the time of the answer nor a store that is away then tells a handler from a user.
    """
    if junk.token is None:
        return None
    _, missing = _ask(service, junk.token, junk.token_id)
    return missing if missing is not None and missing.fixed is Action.DEFER else None


def _throttled(service: Service, client: str, now: int) -> Finding | None:
    """Count a forged address; what to answer instead once its network made too many."""
    limit = service.rules.verify.forged_per_minute
    if not limit or service.guesses.count(client, now) <= limit:
        return None
    return Finding(Reason.THROTTLED, reply_for(Reason.THROTTLED), fixed=Action.DEFER)
