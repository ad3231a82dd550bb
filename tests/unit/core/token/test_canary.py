"""The canary's token: good for its own handler, and for no other installation, handler or connection."""

from reply_milter.core.token.canary import USER, canary_handler, forged, genuine
from reply_milter.core.token.verify import Checked, Junk, check_token
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.reasons import Reason
from tests.support.fakes import FORM, FORUM, ISSUE, KEYRING, NOW

REAL = Handlers.of([ISSUE, FORUM])


def checked(address: str, handlers: Handlers) -> Checked | Junk:
    """What the verifying side makes of it a minute later."""
    return check_token(FORM.token_text(address.split("@")[0]), FORM.checksum_length, KEYRING, handlers, NOW + 60)


def test_a_canary_is_good_for_its_own_handler_and_forged_for_all_others() -> None:
    """So it can't be delivered, whoever gets hold of it."""
    handler = canary_handler(REAL)
    assert handler is not None
    address = genuine(handler, KEYRING, FORM, NOW, 99)
    found = checked(address, Handlers.of([handler]))
    assert isinstance(found, Checked)
    assert (found.token.user, found.token.context, found.handler) == (USER, 99, handler)
    elsewhere = checked(address, REAL)
    assert isinstance(elsewhere, Junk)
    assert elsewhere.finding.reason is Reason.FORGED


def test_a_forged_canary_differs_in_its_checksum_alone() -> None:
    """It is refused for that, and for nothing else."""
    handler = canary_handler(REAL)
    assert handler is not None
    address = genuine(handler, KEYRING, FORM, NOW, 99)
    wrong = forged(address)
    assert len(wrong) == len(address)
    assert sum(one != other for one, other in zip(address, wrong, strict=True)) == 1
    found = checked(wrong, Handlers.of([handler]))
    assert isinstance(found, Junk)
    assert found.guess, "it has the form of a token"


def test_its_number_is_one_that_no_handler_has() -> None:
    """The highest; none if an operator has given all of them away."""

    def taken(*numbers: int) -> Handlers:
        return Handlers.of([Handler(n, f"h{n}", ContextKind.INTEGER, 1, True, "", Policy()) for n in numbers])

    found = [canary_handler(taken(*numbers)) for numbers in ((), (1023,), (1023, 1021), tuple(range(1024)))]
    assert [handler and handler.id for handler in found] == [1023, 1022, 1022, None]
