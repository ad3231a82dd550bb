"""The checks of an address, in the contract's order."""

from dataclasses import replace

import pytest

from reply_milter.core.token.keyring import Keyring
from reply_milter.core.token.verify import FUTURE_SECONDS, Checked, Facts, Junk, check_standing, check_token
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.reasons import INVALID, Cause, Reason
from tests.support.fakes import FORM, FORUM, ISSUE, KEYRING, NOW, minted

HANDLERS = Handlers.of([ISSUE, FORUM])
N = FORM.checksum_length
GLOB = minted().address[6:].split("@")[0]
ISSUED = NOW - 86400
ENDS = ISSUED + 90 * 86400


def check(text: str, now: int = NOW, handlers: Handlers = HANDLERS, keyring: Keyring = KEYRING) -> Checked | Junk:
    """Check a GLOB in the fixed installation."""
    return check_token(text, N, keyring, handlers, now)


def good() -> Checked:
    """A genuine token of user 42."""
    found = check(GLOB)
    assert isinstance(found, Checked)
    return found


def junk(found: Checked | Junk) -> tuple[Reason, str, bool]:
    """Reason, answer, and whether it counts as a guess."""
    assert isinstance(found, Junk)
    return found.finding.reason, str(found.finding.reply), found.guess


def only(handler: Handler) -> Handlers:
    """An installation with one handler."""
    return Handlers.of([handler])


def test_genuine_token_tells_who_may_answer_what() -> None:
    """User, handler, end, and the id that names it in logs."""
    found = good()
    assert (found.token.user, found.handler, found.expires_at) == (42, ISSUE, ENDS)
    assert found.token_id == KEYRING.minting_key(42).token_id(GLOB)


def test_letter_case_does_not_change_the_token_id() -> None:
    """One hash in the store, however a relay spells it."""
    upper = check(GLOB.upper())
    assert isinstance(upper, Checked)
    assert upper.token_id == good().token_id


@pytest.mark.parametrize("text", ["", "x", GLOB[:-1], GLOB + "a", "g" + GLOB[1:], GLOB[:-1] + "1", "\u212a" + GLOB[1:]])
def test_what_has_not_the_form_of_a_token_is_malformed(text: str) -> None:
    """Such a text is no guess: guessing tokens needs their form."""
    assert junk(check(text)) == (Reason.MALFORMED, str(INVALID), False)


def test_wrong_checksum_is_a_guess() -> None:
    """It counts towards throttling."""
    assert junk(check(GLOB[:-1] + ("a" if GLOB[-1] != "a" else "b"))) == (Reason.FORGED, str(INVALID), True)


@pytest.mark.parametrize("handlers", [only(FORUM), only(replace(ISSUE, enabled=False)), Handlers({})])
def test_unknown_and_disabled_handlers_are_forged(handlers: Handlers) -> None:
    """The same answer as for a wrong checksum; a good checksum is never a guess."""
    assert junk(check(GLOB, handlers=handlers)) == (Reason.FORGED, str(INVALID), False)


def test_issue_in_the_future_is_forged_beyond_five_minutes() -> None:
    """The minting host's clock may be a little ahead."""
    assert isinstance(check(GLOB, now=ISSUED - FUTURE_SECONDS), Checked)
    assert junk(check(GLOB, now=ISSUED - FUTURE_SECONDS - 1)) == (Reason.FORGED, str(INVALID), False)


def test_token_is_good_until_the_second_it_ends() -> None:
    """Valid while now < end."""
    assert check_standing(good(), Facts(), ENDS - 1) is None
    late = check_standing(good(), Facts(), ENDS)
    assert late is not None
    assert late.reason is Reason.EXPIRED
    assert late.reply.text == "This reply address expired on 2026-03-31; see https://example.com/expired"


def test_disabled_user_is_forged() -> None:
    """Before expiry is looked at, and with the same answer as for junk."""
    found = check_standing(good(), Facts(user_disabled=True), ENDS)
    assert found is not None
    assert (found.reason, found.reply) == (Reason.FORGED, INVALID)


def test_expiry_comes_before_revocation() -> None:
    """Both are known: the first in the order decides."""
    found = check_standing(good(), Facts(token_revoked=True), ENDS)
    assert found is not None
    assert found.reason is Reason.EXPIRED


@pytest.mark.parametrize(
    "facts,revoked",
    [
        (Facts(token_revoked=True), True),
        (Facts(user_revoked_before=ISSUED + 1), True),
        (Facts(object_revoked_before=ISSUED + 1), True),
        (Facts(all_revoked_before=ISSUED + 1), True),
        (Facts(user_revoked_before=ISSUED, object_revoked_before=ISSUED, all_revoked_before=ISSUED), False),
        (Facts(all_revoked_before=0), False),
        (Facts(addresses=("x@example.org",)), False),
        (None, False),
    ],
)
def test_revocation_reads_as_forged(facts: Facts | None, revoked: bool) -> None:
    """This token, or everything issued before a time; without facts nothing is known."""
    found = check_standing(good(), facts, NOW)
    assert (found is not None) is revoked
    if found is not None:
        assert (found.reason, found.reply) == (Reason.REVOKED, INVALID)


def test_what_the_client_is_not_told_is_reported_to_the_operator() -> None:
    """One word behind a reason that covers several checks; of several revocations the narrowest."""

    def because(found: Checked | Junk, facts: Facts | None = None) -> Cause | None:
        finding = found.finding if isinstance(found, Junk) else check_standing(found, facts, NOW)
        assert finding is not None
        assert finding.reply == INVALID
        return finding.because

    forged = check(GLOB[:-1] + ("a" if GLOB[-1] != "a" else "b"))
    assert because(forged) is Cause.CHECKSUM
    assert because(check(GLOB, handlers=only(FORUM))) is Cause.HANDLER
    assert because(check(GLOB, now=ISSUED - FUTURE_SECONDS - 1)) is Cause.FUTURE
    assert because(good(), Facts(user_disabled=True, token_revoked=True)) is Cause.USER_DISABLED
    assert because(good(), Facts(token_revoked=True, user_revoked_before=NOW)) is Cause.TOKEN
    assert because(good(), Facts(user_revoked_before=NOW, object_revoked_before=NOW)) is Cause.USER
    assert because(good(), Facts(object_revoked_before=NOW, all_revoked_before=NOW)) is Cause.OBJECT
    assert because(good(), Facts(user_revoked_before=ISSUED, all_revoked_before=NOW)) is Cause.BEFORE


def test_expiry_needs_no_store() -> None:
    """An expired address hears so while the store is away."""
    found = check_standing(good(), None, ENDS)
    assert found is not None
    assert found.reason is Reason.EXPIRED
