"""One reply recipient: what its address says, what the store knows of it, and what is decided. Writes nothing."""

from collections.abc import Iterable
from typing import Final, final

from reply_milter.core.mail.domain import in_ascii_lower_case
from reply_milter.core.native.claimant import Claimant
from reply_milter.core.token.address import ReplyAddress
from reply_milter.core.token.token import Token
from reply_milter.core.token.verify import Checked, Facts, Junk, check_standing, check_token
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.verdict.policy import Finding, Policy
from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.core.wrapping.native import Direct
from reply_milter.core.wrapping.wrap import Road
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.throttling import throttled
from reply_milter.ports import Asking, FactsOf, Stage, StoreUnavailableError

_REFUSING: Final = (Action.REJECT, Action.DEFER)
# No policy changes this: see [handler.wrap] native.
NATIVE: Final = Finding(Reason.NATIVE, reply_for(Reason.NATIVE), fixed=Action.REJECT)


@final
class ReplyRecipient:
    """A reply recipient of this transaction. ``arguments``: the client's spellings of it, for the MTA.

    ``checked`` is None for what has no good checksum; ``facts`` is None where the store gave none. ``direct``: what is
    known of an application's own address; ``local`` is then the whole address. ``claimant``: whose genuine address of
    an application it is; None for all others.
    """

    def __init__(
        self,
        domain: str,
        local: str,
        policy: Policy,
        checked: Checked | None = None,
        facts: Facts | None = None,
        findings: Iterable[Finding] = (),
        arguments: Iterable[str] = (),
        direct: Direct | None = None,
        claimant: Claimant | None = None,
    ) -> None:
        self.domain: Final = domain
        self.local: Final = local
        self.policy: Final = policy
        self.checked: Final = checked
        self.facts = facts
        self.findings = list(findings)
        self.arguments: Final = list(arguments)
        self.direct: Final = direct
        self.claimant: Final = claimant

    @property
    def token_id(self) -> str:
        """Names the token in logs; empty without a good checksum."""
        return self.checked.token_id if self.checked else ""

    @property
    def handler_name(self) -> str:
        """For metrics and logs; empty where the address names none."""
        handler = self.handler
        return handler.name if handler is not None else ""

    @property
    def handler(self) -> Handler | None:
        """What the address is for; None where it names nothing."""
        if self.direct is not None:
            return self.direct.handler
        return self.checked.handler if self.checked is not None else None

    @property
    def road(self) -> str:
        """By which road an application's own address reaches it, for metrics and logs; empty for one of ours."""
        return self.direct.road if self.direct is not None else ""

    def is_same(self, address: object) -> bool:
        """Whether ``address`` bears the same token, or is the same of an application's own.

        Of a token, the domain and the case of ASCII letters don't matter.
        """
        if isinstance(address, Direct):
            return self.direct is not None and self.direct.address == address.address
        if not isinstance(address, ReplyAddress) or self.direct is not None:
            return False
        return in_ascii_lower_case(self.local) == in_ascii_lower_case(address.local)

    def with_findings(self, findings: list[Finding]) -> "ReplyRecipient":
        """The same recipient with other findings."""
        known = (self.domain, self.local, self.policy, self.checked, self.facts)
        return ReplyRecipient(*known, findings, self.arguments, self.direct, self.claimant)


# Known at once, or steps that ask the store first.
Assessed = ReplyRecipient | Asking[ReplyRecipient]


@final
class RecipientDecision:
    """What enforce mode does about one reply recipient, whatever the mode is.

    ``action``: REJECT or DEFER; ACCEPT if the message is judged at its end. ``finding``: why; None where there
    is nothing to object to. ``when``: the stage at which the client hears of it.
    ``is_beside``: the message has the right address of the same application too, so this one goes without a word.
    """

    def __init__(
        self,
        recipient: ReplyRecipient,
        finding: Finding | None,
        action: Action,
        when: Stage,
        is_beside: bool = False,
    ) -> None:
        self.recipient: Final = recipient
        self.finding: Final = finding
        self.action: Final = action
        self.when: Final = when
        self.is_beside: Final = is_beside

    @property
    def reason(self) -> Reason:
        """Why, in one word."""
        return self.finding.reason if self.finding is not None else Reason.OK

    @property
    def refused(self) -> bool:
        """Whether this recipient gets nothing."""
        return self.action is not Action.ACCEPT

    @property
    def is_unverified(self) -> bool:
        """Whether nobody could tell yet if an application's own address is genuine."""
        return self.action is Action.DEFER and self.recipient.direct is not None

    @property
    def may_be_taken(self) -> bool:
        """Whether the message is judged for this recipient.

        A deferral for want of the store is decided anew if it waits for the end: with other recipients in the message
        it is accepted.
        """
        return not self.refused or (self.when is Stage.EOM and self.reason is Reason.STORE_UNAVAILABLE)


def is_native_of(recipient: ReplyRecipient, taken: ReplyRecipient) -> bool:
    """Whether ``recipient`` is the own address of the application that ``taken``, an address of ours, stands for."""
    direct = recipient.direct
    if direct is None or direct.road is not Road.NATIVE or taken.checked is None or taken.direct is not None:
        return False
    return taken.checked.handler.id == direct.handler.id


def beside(recipient: ReplyRecipient) -> RecipientDecision:
    """Decide that an application's own address is removed from an answer to the right one: it would come twice."""
    return RecipientDecision(recipient, NATIVE, Action.REJECT, Stage.EOM, is_beside=True)


def decide(recipient: ReplyRecipient, may_be_sealed: bool, over_smtp: bool) -> RecipientDecision:
    """Decide about a recipient, once.

    A local submission is never refused a recipient at RCPT: no program stands behind it that would send the message
    again, so it would stay in maildrop for ever. ``may_be_sealed``: a peer may have taken the reply, which only the
    message can show.
    """
    finding, action = recipient.policy.decide(recipient.findings)
    if finding is None or action not in _REFUSING or may_be_sealed:
        return RecipientDecision(recipient, finding, Action.ACCEPT, Stage.EOM)
    return RecipientDecision(recipient, finding, action, Stage.RCPT if over_smtp else Stage.EOM)


def without_token(service: Service, finding: Finding) -> ReplyRecipient:
    """A reply recipient whose address names no token that is looked at."""
    return ReplyRecipient(domain="", local="", policy=service.rules.policy, findings=[finding])


def assess(service: Service, address: ReplyAddress, client: str) -> Assessed:
    """Check the address of a reply recipient, in the contract's order. At most one read of the store."""
    rules, now = service.rules, service.clock.now()
    form = rules.form
    checked = check_token(form.token_text(address.local), form.checksum_length, rules.keyring, rules.handlers, now)
    if not isinstance(checked, Junk):
        return _known(service, address, checked, now)
    if checked.guess:
        return _junk(service, address, throttled(service, client, now) or checked.finding)
    if checked.token is None:
        return _junk(service, address, checked.finding)
    return _as_long(service, address, checked, checked.token)


def _known(service: Service, address: ReplyAddress, checked: Checked, now: int) -> Asking[ReplyRecipient]:
    """Ask what the store knows of a token with a good checksum."""
    recipient = ReplyRecipient(address.domain, address.local, checked.handler.policy, checked)
    if checked.handler.wrap is not None and service.mark is not None:
        service.mark.note(checked.handler.id)  # its notification may have left through another host
    recipient.facts, missing = yield from ask(service, checked.token, checked.token_id)
    standing = check_standing(checked, recipient.facts, now)
    recipient.findings = [finding for finding in (standing, missing) if finding is not None]
    return recipient


def _junk(service: Service, address: ReplyAddress, finding: Finding) -> ReplyRecipient:
    return ReplyRecipient(address.domain, address.local, service.rules.policy, findings=[finding])


def store_unavailable(service: Service, has_other_recipients: bool = False) -> Finding:
    """What the operator wants done if the store gave no answer.

    With other recipients in the message the reply is accepted, with ``replay=unknown``. A deferral would delay their
    mail too, and to remove the reply recipient behind a 250 would lose the reply.
    """
    action = Action.ACCEPT if has_other_recipients or service.rules.store.accepts_without else Action.DEFER
    return Finding(Reason.STORE_UNAVAILABLE, reply_for(Reason.STORE_UNAVAILABLE), fixed=action)


def ask(service: Service, token: Token, token_id: str) -> Asking[tuple[Facts | None, Finding | None]]:
    """Ask the store about a token. Without an answer, the second is what to say instead."""
    handler = service.rules.handlers.by_id.get(token.handler)
    wrapped = handler is not None and handler.wrap is not None
    try:
        facts: Facts = yield FactsOf(token.user, token.handler, token.context, token_id, wrapped)
    except StoreUnavailableError:
        return None, store_unavailable(service)
    return facts, None


def _as_long(service: Service, address: ReplyAddress, junk: Junk, token: Token) -> Asking[ReplyRecipient]:
    """Ask the store about a forged token with a good checksum; say so if it is unavailable, and must not be.

    So neither the time of the answer nor a deferral shows whether a handler or a user is disabled.
    """
    _, missing = yield from ask(service, token, junk.token_id)
    if missing is not None and missing.fixed is Action.DEFER:
        return _junk(service, address, missing)
    return _junk(service, address, junk.finding)
