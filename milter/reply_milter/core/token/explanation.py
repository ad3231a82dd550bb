"""Explain to an operator, check by check, why an address is valid or not."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reply_milter.core.encoding.plural import counted
from reply_milter.core.native.claimant import checked
from reply_milter.core.native.explanation import Genuine, Line, Look, look_nowhere
from reply_milter.core.token import token as tokens
from reply_milter.core.token.address import AddressForm, Misspelt, ReplyAddress, classify, parse_plain
from reply_milter.core.token.keyring import Keyring, KeyState, UserKey
from reply_milter.core.token.token import TokenText
from reply_milter.core.token.verify import FUTURE_SECONDS, Facts
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.reasons import Cause
from reply_milter.core.wrapping.explanation import copy_words, explain_direct, wrapped_words
from reply_milter.core.wrapping.native import Direct
from reply_milter.core.wrapping.pseudo_users import shown_user, stands_for
from reply_milter.core.wrapping.wrap import Road

ORDINARY = "ordinary"


@dataclass(frozen=True, slots=True)
class Step:
    """One check. ``words``: its result, for a reader who knows mail but not this program."""

    name: str
    passed: bool
    words: str


@dataclass(slots=True)
class Explanation:
    """The checks of an address. ``reason``: as a verdict at RCPT, or ``ordinary`` for an address that is not ours.

    ``road``: of an address that reaches a wrapped application; None for all others. ``stands_for``: whom its
    pseudo-user stands for; empty where that is unknown. ``retired_key``: the id of the master key, where a retired one
    made the checksum; ``key`` is None then. ``native``: of a native address that is genuine.
    """

    reason: str = "ok"
    token_text: TokenText | None = None
    key: UserKey | None = None
    handler: Handler | None = None
    road: Road | None = None
    stands_for: str = ""
    retired_key: str = ""
    native: Genuine | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether a reply to it would pass RCPT, as far as is known without the store."""
        return self.reason == "ok"

    @property
    def user(self) -> str:
        """Its user, as people are told of it. Only of an address with a token."""
        user = self.token_text.token.user if self.token_text is not None else 0
        return shown_user(user, self.has_pseudo_user, self.stands_for)

    @property
    def has_pseudo_user(self) -> bool:
        """Whether its user is the pseudo-user of an application's."""
        return self.road in (Road.WRAPPED, Road.NATIVE)

    def note(self, name: str, passed: bool, words: str, reason: str) -> bool:
        """Add a step; the first that fails gives the reason."""
        self.steps.append(Step(name, passed, words))
        if not passed and self.valid:
            self.reason = reason
        return passed


def explain(
    address: str,
    form: AddressForm,
    keyring: Keyring,
    handlers: Handlers,
    now: int,
    facts: Facts | None = None,
    left: Collection[int] | None = None,
    look: Look = look_nowhere,
) -> Explanation:
    """Check ``address`` (with or without brackets) at ``now``, Unix seconds. Goes on after a failed check.

    ``facts``: the store's record about it; None without an answer. ``left``: numbers of wrapped handlers of which a
    notification has left this host; None where that is unknown. ``look``: asks the sources of applications' users.
    """
    explanation = Explanation()
    own = explain_direct(address, handlers, now, left, look)
    if own is not None:
        _tell_direct(explanation, *own, keyring, now, facts)
        return explanation
    found = _check_spelling(explanation, address, form)
    if found is None:
        return explanation
    text = form.token_text(found.local)
    explanation.token_text = tokens.parse(text, form.checksum_length)
    explanation.note("form", explanation.token_text is not None, _form_words(text, form), "malformed")
    if explanation.token_text is None:
        return explanation
    _check_checksum(explanation, explanation.token_text, keyring)
    explanation.handler = handlers.by_id.get(explanation.token_text.token.handler)
    _check_handler(explanation, explanation.token_text)
    _tell_wrapped(explanation, explanation.token_text, keyring, facts)
    _check_issue(explanation, explanation.token_text, now)
    if facts is not None:
        _check_user(explanation, facts)
    _check_expiry(explanation, explanation.token_text, now)
    if facts is not None:
        _check_revocation(explanation, explanation.token_text, facts)
    return explanation


def _tell_direct(
    explanation: Explanation,
    direct: Direct,
    lines: Iterable[Line],
    genuine: Genuine | None,
    keyring: Keyring,
    now: int,
    facts: Facts | None,
) -> None:
    """Tell of an application's own address; of a genuine one, also what the store says of its user."""
    explanation.handler, explanation.road = direct.handler, direct.road
    for line in lines:
        explanation.note(*line)
    if genuine is None:
        return
    explanation.native, token = genuine, checked(genuine.named, genuine.known, direct.handler, keyring, now)
    explanation.key, explanation.token_text = token.key, token.token_text
    if facts is not None:
        _check_user(explanation, facts)
        _check_revocation(explanation, token.token_text, facts)


def _tell_wrapped(explanation: Explanation, token_text: TokenText, keyring: Keyring, facts: Facts | None) -> None:
    """Tell that the address stands for an application's own, and what an answer to it needs."""
    wrap = explanation.handler.wrap if explanation.handler is not None else None
    if wrap is None:
        return
    explanation.road = Road.WRAPPED
    words = wrapped_words(wrap)
    if facts is not None:
        explanation.stands_for = stands_for(token_text.token.user, keyring, facts.addresses)
        words = f"{words}; {copy_words(facts.original)}" if wrap.store else words
    explanation.note("wrapped", True, words, "")


_WRONG_CHECKSUM = (
    "no master key made this checksum: the address was altered or made up, minted by another installation (another "
    "realm or mailbox length), or its key was deleted from the key file"
)
_MISSPELT = "the MTA would deliver it here, but it is not in the canonical spelling: the milter refuses it"


def _check_spelling(explanation: Explanation, address: str, form: AddressForm) -> ReplyAddress | None:
    found = classify(form, address, None)
    if isinstance(found, ReplyAddress):
        explanation.note("recipient", True, f"a reply address at {found.domain}, in the canonical spelling", "")
        return found
    if isinstance(found, Misspelt):
        explanation.note("recipient", False, _MISSPELT, "malformed")
        return None
    plain = parse_plain(address)
    domains = ", ".join(sorted(form.accept_domains))
    words = f"not a reply address: those are {form.prefix or ''}TOKEN at {domains}"
    if plain and form.owns_domain(plain[1]):
        words = f"not a reply address: at {plain[1].lower()}, only {form.prefix}TOKEN is one"
    explanation.note("recipient", False, words, ORDINARY)
    return None


def _check_checksum(explanation: Explanation, token_text: TokenText, keyring: Keyring) -> None:
    explanation.key = keyring.verify(token_text)
    words = f"made with the master key {explanation.key.master_id!r}" if explanation.key else _WRONG_CHECKSUM
    retired = _retired(keyring).verify(token_text) if explanation.key is None else None
    if retired is not None:
        explanation.retired_key = retired.master_id
        words = f"made with the master key {retired.master_id!r}, which is retired: its addresses are refused as forged"
    explanation.note("checksum", explanation.key is not None, words, "forged")


def _retired(keyring: Keyring) -> Keyring:
    """Return the retired keys as if they verified: to explain an address, never to take it."""
    retired = (key for key in keyring.keys if key.state is KeyState.RETIRED)
    return Keyring(keyring.realm, tuple(replace(key, state=KeyState.VERIFY) for key in retired))


def _form_words(text: str, form: AddressForm) -> str:
    if tokens.parse(text, form.checksum_length):
        return f"a token of version 1, {len(text)} characters"
    if not text:
        return f"no token after {form.mailbox!r}: it is missing, or was cut off"
    if len(text) != form.token_length:
        return f"{counted(len(text), 'character')}, but a token has {form.token_length}: some were lost or added"
    return "not a token of version 1, which has ten hex digits, then letters a-z and digits 2-7"


def _check_handler(explanation: Explanation, token_text: TokenText) -> None:
    number, handler = token_text.token.handler, explanation.handler
    if handler is None:
        explanation.note("handler", False, f"no [[handler]] with id = {number} is configured", "forged")
    else:
        state = "enabled" if handler.enabled else "disabled in the configuration"
        explanation.note("handler", handler.enabled, f"{handler.name!r} (id {number}), {state}", "forged")


def _check_issue(explanation: Explanation, token_text: TokenText, now: int) -> None:
    issued = token_text.token.issued_at
    past = issued <= now + FUTURE_SECONDS
    hint = "" if past else ": in the future, so the clock of this host or of the minting host is wrong"
    explanation.note("issued", past, f"{_moment(issued)}{hint}", "forged")


def _check_expiry(explanation: Explanation, token_text: TokenText, now: int) -> None:
    if explanation.handler is None:
        return
    expires = token_text.token.expires_at(explanation.handler.validity_days)
    left = expires - now
    span = f"{abs(left) // 86400} days {abs(left) % 86400 // 3600} hours"
    words = f"{_moment(expires)}, in {span}" if left > 0 else f"expired {_moment(expires)}, {span} ago"
    explanation.note("expires", left > 0, words, "expired")


def _check_user(explanation: Explanation, facts: Facts) -> None:
    state = "is disabled" if facts.user_disabled else "is not disabled"
    explanation.note("user", not facts.user_disabled, f"user {explanation.user} {state}", "forged")


def _check_revocation(explanation: Explanation, token_text: TokenText, facts: Facts) -> None:
    token = token_text.token
    handler = repr(explanation.handler.name) if explanation.handler else f"the handler with id {token.handler}"
    words = {
        Cause.TOKEN: "this one address",
        Cause.USER: f"all addresses of user {explanation.user} minted before {_moment(facts.user_revoked_before)}",
        Cause.OBJECT: f"all addresses of {handler} with context {token.context} minted before "
        f"{_moment(facts.object_revoked_before)}",
        Cause.BEFORE: f"all addresses minted before {_moment(facts.all_revoked_before)}",
    }
    found = [words[cause] for cause in facts.revoked(token.issued_at)]
    explanation.note("revoked", not found, f"revoked: {'; '.join(found)}" if found else "not revoked", "revoked")


def _moment(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
