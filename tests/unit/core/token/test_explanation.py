"""Why an address is valid or not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.token.explanation import Explanation, explain
from reply_milter.core.token.verify import Facts
from reply_milter.core.verdict.handler import Handlers
from tests.support.fakes import FORM, FORUM, ISSUE, KEYRING, NOW, minted

ADDRESS = minted().address
HANDLERS = Handlers.of([ISSUE, FORUM])
ENDS = NOW - 86400 + 90 * 86400


def told(
    address: str = ADDRESS, now: int = NOW, handlers: Handlers = HANDLERS, facts: Facts | None = None
) -> Explanation:
    """Explain an address in the fixed installation."""
    return explain(address, FORM, KEYRING, handlers, now, facts)


def failed(found: Explanation) -> list[str]:
    """The names of the checks that failed."""
    return [step.name for step in found.steps if not step.passed]


@pytest.mark.parametrize("address", [ADDRESS, f"<{ADDRESS}>", ADDRESS.upper()])
def test_genuine_address_passes_every_check(address: str) -> None:
    """With or without brackets, in either case."""
    found = told(address)
    assert (found.valid, found.reason, found.handler) == (True, "ok", ISSUE)
    assert [step.name for step in found.steps] == ["recipient", "form", "checksum", "handler", "issued", "expires"]
    assert failed(found) == []


@pytest.mark.parametrize(
    "address,reason,name",
    [
        ("bob@example.org", "ordinary", "recipient"),
        ("bob@reply.test", "ordinary", "recipient"),
        ("postmaster@reply.test", "ordinary", "recipient"),
        ('"reply+x"@reply.test', "malformed", "recipient"),
        ("reply@reply.test", "malformed", "form"),
        (ADDRESS.replace("@", "a@"), "malformed", "form"),
        ("reply+" + "z" * 58 + "@reply.test", "malformed", "form"),
        (ADDRESS.replace("reply+0", "reply+1"), "forged", "checksum"),
        ("", "ordinary", "recipient"),
    ],
)
def test_reason_is_the_one_that_rcpt_would_give(address: str, reason: str, name: str) -> None:
    """The first check that fails."""
    found = told(address)
    assert (found.valid, found.reason, failed(found)[0]) == (False, reason, name)


def test_expiry_and_clock_are_reported() -> None:
    """The last second, the end, and a time before the issue."""
    assert told(now=ENDS - 1).valid
    assert (told(now=ENDS).reason, failed(told(now=ENDS))) == ("expired", ["expires"])
    assert (told(now=NOW - 2 * 86400).reason, failed(told(now=NOW - 2 * 86400))) == ("forged", ["issued"])


def test_unknown_and_disabled_handlers_are_distinguished() -> None:
    """To an operator; a client hears the same."""
    unknown, disabled = told(handlers=Handlers.of([FORUM])), told(handlers=Handlers.of([replace(ISSUE, enabled=False)]))
    assert unknown.reason == disabled.reason == "forged"
    assert "no [[handler]] with id = 1" in unknown.steps[3].words
    assert "disabled" in disabled.steps[3].words


def test_checks_go_on_after_a_wrong_checksum() -> None:
    """So that two mistakes are found at once; the first gives the reason."""
    found = told(ADDRESS.replace("reply+0", "reply+1"), now=ENDS)
    assert (found.reason, failed(found)) == ("forged", ["checksum", "expires"])


@pytest.mark.parametrize(
    "facts,reason,name,words",
    [
        (Facts(), "ok", "", ""),
        (Facts(user_disabled=True, all_revoked_before=NOW), "forged", "user", "user 42 is disabled"),
        (Facts(token_revoked=True), "revoked", "revoked", "revoked: this one address"),
        (
            Facts(user_revoked_before=NOW, all_revoked_before=NOW),
            "revoked",
            "revoked",
            "revoked: all addresses of user 42 minted before 2026-01-01 00:00 UTC; "
            "all addresses minted before 2026-01-01 00:00 UTC",
        ),
        (Facts(object_revoked_before=NOW), "revoked", "revoked", "revoked: all addresses of 'issue' with context "),
    ],
)
def test_what_the_store_knows_is_a_step_in_words(facts: Facts, reason: str, name: str, words: str) -> None:
    """The reason is that of RCPT."""
    found = told(facts=facts)
    assert (found.reason, found.valid) == (reason, reason == "ok")
    assert failed(found)[:1] == ([name] if name else [])
    assert [step.name for step in found.steps][-3:] == ["user", "expires", "revoked"]
    assert words in "".join(step.words for step in found.steps if step.name == name)


def test_a_disabled_user_comes_before_expiry_and_revocation_after_it() -> None:
    """The contract's order."""
    assert told(now=ENDS, facts=Facts(user_disabled=True)).reason == "forged"
    assert told(now=ENDS, facts=Facts(token_revoked=True)).reason == "expired"


@given(
    st.text(max_size=100) | st.text(st.sampled_from('abc234567@+<>"reply.test'), max_size=80), st.integers(0, 1 << 36)
)
def test_any_address_is_explained(address: str, now: int) -> None:
    """No text makes it fail; nothing is valid by chance; every step has words."""
    found = told(address, now)
    assert not found.valid
    assert all(step.words and "\n" not in step.words for step in found.steps)
