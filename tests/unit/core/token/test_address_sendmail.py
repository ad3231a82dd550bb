"""Recipients with the ``{rcpt_addr}`` that a real Sendmail 8.17 gave for them, as tests/system measures it.

A mailer that keeps the domain (mailertable) gives a whole address in the client's case; the local mailer gives a local
part alone; a virtusertable gives what the address was mapped to.
"""

import pytest

from reply_milter.core.token.address import Misspelt, Ordinary, ReplyAddress, classify
from tests.support.fakes import FORM

LOCAL = "reply+TOK"
WHOLE = "reply+TOK@reply.test"
# Each of these is delivered to our mailbox.
ODD = {
    "source route": "<@relay.test:reply+TOK@reply.test>",
    "trailing dot": "<reply+TOK@reply.test.>",
    "percent hack": "<reply+TOK%reply.test@mx.reply.test>",
    "percent without a host": "<reply+TOK%reply.test>",
    "bang path": "<reply.test!reply+TOK>",
    "two bangs": "<mx.reply.test!reply.test!reply+TOK>",
    "bang and percent": "<reply.test!reply+TOK%reply.test>",
    "nested": '<"reply+TOK@reply.test"@mx.reply.test>',
    "comment": "<reply(hello)+TOK@reply.test>",
    "space": "<reply +TOK@reply.test>",
    "brackets twice": "<<reply+TOK@reply.test>>",
    "text behind": "<reply+TOK@reply.test>x",
}
# These have a bare local part only: a local user of the mailbox's name is reached.
HERE = {"no domain": "<reply+TOK>", "address literal": "<reply+TOK@[127.0.0.1]>", "IPv6": "<reply+TOK@[IPv6:::1]>"}


@pytest.mark.parametrize("resolved", [LOCAL, WHOLE])
@pytest.mark.parametrize("argument", ["<reply+TOK@reply.test>", "<reply+TOK@Reply.Test>", "reply+TOK@reply.test"])
def test_plain_spelling_agrees_with_either_form(argument: str, resolved: str) -> None:
    """Local mailer and mailertable."""
    assert classify(FORM, argument, resolved) == ReplyAddress(LOCAL, "reply.test")


@pytest.mark.parametrize("resolved", [LOCAL, WHOLE])
@pytest.mark.parametrize("argument", ODD.values(), ids=ODD)
def test_odd_spelling_is_refused_with_either_form(argument: str, resolved: str) -> None:
    """Never ordinary: it would be delivered unverified."""
    assert classify(FORM, argument, resolved) == Misspelt()


@pytest.mark.parametrize("argument", HERE.values(), ids=HERE)
def test_local_user_of_our_name_is_ours_without_a_domain(argument: str) -> None:
    """Where the mailbox is a local user, no spelling of `this host` gets to it unverified."""
    assert classify(FORM, argument, LOCAL) == Misspelt()
    assert classify(FORM, argument.replace("reply+TOK", "bob"), "bob") == Ordinary()


@pytest.mark.parametrize("resolved", ["inbox+TOK@example.org", "inbox+TOK", "reply+OTHER", "reply+TOK@mx.reply.test"])
def test_mapped_address_disagrees(resolved: str) -> None:
    """A virtusertable for the reply domain: refused, and counted."""
    assert classify(FORM, "<reply+TOK@reply.test>", resolved) == Misspelt(disagreement=True)


def test_mapping_of_other_domains_to_us_disagrees() -> None:
    """Whoever sends people's mail to the mailbox of replies hears of it."""
    assert classify(FORM, "<ann@example.org>", WHOLE) == Misspelt(disagreement=True)
