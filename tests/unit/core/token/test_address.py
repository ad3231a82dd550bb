"""Which recipients are ours, and in which one spelling."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.token.address import (
    AddressForm,
    Misspelt,
    Ordinary,
    Recipient,
    ReplyAddress,
    classify,
    parse_plain,
)
from reply_milter.core.token.token import parse
from tests.support.fakes import FORM, minted
from tests.support.processes.clocked import hostile, in_time

GLOB = minted().address.split("+")[1].split("@")[0]
FOLDED = "reply+aaaabbbb@reply.test"
REFUSED = Misspelt()

# What Postfix delivers to reply+AAAAbbbb@reply.test: as the client wrote it, and as {rcpt_addr} gives it.
ODD_SPELLINGS = {
    "quoted local part": '<"reply+AAAAbbbb"@reply.test>',
    "source route": "<@relay.test:reply+AAAAbbbb@reply.test>",
    "quoted pair": '<"reply+\\AAAAbbbb"@reply.test>',
    "trailing dot": "<reply+AAAAbbbb@reply.test.>",
    "percent hack": "<reply+AAAAbbbb%reply.test@mx.reply.test>",
    "bang path": "<reply.test!reply+AAAAbbbb>",
    "long bang path": "<mx.reply.test!reply.test!reply+AAAAbbbb>",
    "quoted address": '<"reply+AAAAbbbb@reply.test"@mx.reply.test>',
    "comment": "<reply+AAAAbbbb@reply.test(comment)>",
    "blank in the domain": "<reply+AAAAbbbb@ reply.test>",
}
CANONICAL = {
    "plain": ("<reply+AAAAbbbb@reply.test>", FOLDED, "reply+AAAAbbbb"),
    "upper-case domain": ("<reply+AAAAbbbb@Reply.Test>", FOLDED, "reply+AAAAbbbb"),
    "no brackets": ("reply+AAAAbbbb@reply.test", FOLDED, "reply+AAAAbbbb"),
    "not ASCII": ("<reply+éß@reply.test>", "reply+éss@reply.test", "reply+éß"),
    "very long": (f"<reply+{'a' * 84}@reply.test>", f"reply+{'a' * 84}@reply.test", "reply+" + "a" * 84),
    "two delimiters": ("<reply++TOK@reply.test>", "reply++tok@reply.test", "reply++TOK"),
    "an extension's extension": ("<reply+TOK+x@reply.test>", "reply+tok+x@reply.test", "reply+TOK+x"),
    "mailbox alone": ("<reply@reply.test>", "reply@reply.test", "reply"),
    "nothing behind the delimiter": ("<reply+@reply.test>", "reply+@reply.test", "reply+"),
    "upper-case mailbox": ("<REPLY+x@reply.test>", "reply+x@reply.test", "REPLY+x"),
}
ORDINARY = [
    ("<bob@example.org>", "bob@example.org"),
    ('<"bob smith"@example.org>', "bob smith@example.org"),
    ('<"reply+x@reply.test"@example.org>', "reply+x@reply.test@example.org"),
    ("<bob%example.org@relay.example>", "bob%example.org@relay.example"),
    ("<relay.example!bob>", "bob@relay.example"),
    ("<bob(reply+x@reply.test)@example.org>", "bob@example.org"),
    ("<bob@example.org(reply+x@reply.test)>", "bob@example.org"),
    ('"reply+x@reply.test" <bob@example.org>', "bob@example.org"),
    ("reply+x@reply.test <bob@example.org>", "bob@example.org"),
    ("<@reply.test:bob@example.org>", "bob@example.org"),
    ("<reply+x@example.org>", "reply+x@example.org"),
    ("<reply+x@reply.test.example.org>", "reply+x@reply.test.example.org"),
    ("<reply+x@notreply.test>", "reply+x@notreply.test"),
    ("<bob@reply.test>", "bob@reply.test"),
    ('<"bob smith"@reply.test>', "bob smith@reply.test"),
    ("<reply-to@reply.test>", "reply-to@reply.test"),
    ("<replyx@reply.test>", "replyx@reply.test"),
    ("<reply.x@reply.test>", "reply.x@reply.test"),
    ("<postmaster@reply.test>", "postmaster@reply.test"),
    ("<Postmaster>", "postmaster@mx.reply.test"),
    ("<jürgen@example.org>", "jürgen@example.org"),
    ("<bob@bücher.example>", "bob@bücher.example"),
    ("<bob@[192.0.2.1]>", "bob@[192.0.2.1]"),
    ("<>", ""),
    ("", ""),
]


@pytest.mark.parametrize("argument", ODD_SPELLINGS.values(), ids=ODD_SPELLINGS)
def test_odd_spelling_of_a_reply_recipient_is_refused(argument: str) -> None:
    """Each reaches our mailbox through Postfix, so each is recognised as ours."""
    assert classify(FORM, argument, FOLDED) == REFUSED


@pytest.mark.parametrize("argument", ODD_SPELLINGS.values(), ids=ODD_SPELLINGS)
def test_odd_spelling_without_brackets_is_refused(argument: str) -> None:
    """Simulated SMTP passes no angle brackets."""
    assert classify(FORM, argument[1:-1], FOLDED) == REFUSED


@pytest.mark.parametrize(
    "name",
    [name for name in ODD_SPELLINGS if name not in ("percent hack", "bang path", "long bang path", "quoted address")],
)
def test_odd_spelling_at_our_domain_is_refused_without_a_macro(name: str) -> None:
    """Where the MTA gives no reading of its own, a loose one of ours finds them; routing is the MTA's to know."""
    assert classify(FORM, ODD_SPELLINGS[name], None) == REFUSED


@pytest.mark.parametrize(
    "argument", ["<reply%reply.test@reply.test>", "<mx.test!reply@reply.test>", '<"reply@reply.test"@reply.test>']
)
def test_route_to_the_mailbox_alone_is_refused_at_our_domain(argument: str) -> None:
    """The last hop is what counts, also where the MTA gives no reading of its own."""
    assert classify(FORM, argument, None) == REFUSED


@pytest.mark.parametrize("argument,resolved,local", CANONICAL.values(), ids=CANONICAL)
def test_plain_spelling_is_taken_as_written(argument: str, resolved: str, local: str) -> None:
    """The local part keeps its case; the domain is lower-cased; whether it is a token is asked later."""
    for macro in (resolved, resolved.split("@")[0], None):
        assert classify(FORM, argument, macro) == ReplyAddress(local, "reply.test")


@pytest.mark.parametrize("argument,resolved", ORDINARY)
def test_ordinary_address_is_none_of_our_business(argument: str, resolved: str) -> None:
    """Quotes, percent signs, bangs, comments, our own text in a place that is not the address: never refused."""
    assert classify(FORM, argument, resolved) == Ordinary()
    assert classify(FORM, argument, None) == Ordinary()


@pytest.mark.parametrize("name", ["postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon"])
@pytest.mark.parametrize("mailbox", ["reply", ""])
def test_reserved_names_are_ordinary(name: str, mailbox: str) -> None:
    """RFC 2142: also where the whole local part would be a token."""
    form = replace(FORM, mailbox=mailbox)
    for local in (name, name.upper(), f'"{name}"'):
        assert classify(form, f"<{local}@reply.test>", f"{name}@reply.test") == Ordinary()


@pytest.mark.parametrize(
    "argument,resolved",
    [
        ("<bob@example.org>", "reply+x@reply.test"),
        ("<reply+x@reply.test>", "bob@example.org"),
        ("<reply+x@reply.test>", "reply+y@reply.test"),
        ("<reply+x@reply.test>", "reply+y"),
        ("<reply+x@reply.test>", "reply+x@mx.reply.test"),
    ],
)
def test_two_readings_that_differ_are_refused(argument: str, resolved: str) -> None:
    """What the MTA rewrites to or from us is refused, and counted as a disagreement."""
    assert classify(FORM, argument, resolved) == Misspelt(disagreement=True)


def test_macro_with_a_local_part_alone_is_compared_with_ours() -> None:
    """Sendmail's local mailer gives no domain: the argument tells which."""
    assert classify(FORM, "<reply+x@reply.test>", "reply+x") == ReplyAddress("reply+x", "reply.test")
    assert classify(FORM, "<reply+x@example.org>", "reply+x") == Ordinary()
    assert classify(FORM, "<example.org!reply+x>", "reply+x") == Misspelt()


def test_every_accept_domain_is_ours() -> None:
    """A change of domain: old addresses still come in, new ones are minted at the new one."""
    form = replace(FORM, accept_domains=frozenset({"reply.test", "old.test"}))
    assert classify(form, "<reply+x@old.test>", None) == ReplyAddress("reply+x", "old.test")
    assert form.write("x") == "reply+x@reply.test"


def test_without_a_mailbox_every_local_part_is_ours() -> None:
    """A domain of its own: the whole local part is the GLOB."""
    form = replace(FORM, mailbox="")
    assert (form.prefix, form.checksum_length, form.token_length) == ("", 26, 58)
    assert classify(form, "<anything@reply.test>", None) == ReplyAddress("anything", "reply.test")
    assert form.token_text("anything") == "anything"


def test_hyphen_takes_only_what_has_the_length_of_a_token() -> None:
    """``reply-to@`` may be a person's mailbox."""
    form = replace(FORM, delimiter="-")
    assert classify(form, f"<reply-{GLOB}@reply.test>", None) == ReplyAddress(f"reply-{GLOB}", "reply.test")
    for local in ("reply", "reply-", "reply-to", f"reply-{GLOB}x", f"reply-{GLOB[1:]}", f"reply+{GLOB}"):
        assert classify(form, f"<{local}@reply.test>", None) == Ordinary()


@pytest.mark.parametrize(
    "mailbox,length,too_long",
    [("reply", 26, False), ("r" * 6, 25, False), ("r" * 15, 16, False), ("r" * 16, 15, True)],
)
def test_checksum_is_as_long_as_the_local_part_allows(mailbox: str, length: int, too_long: bool) -> None:
    """64 octets are shared by mailbox, delimiter, user, key and checksum; 16 characters are the floor."""
    form = replace(FORM, mailbox=mailbox)
    assert (form.checksum_length, form.too_long) == (length, too_long)


SPECIAL = '@%!()<>"\\:;,. \t\r\n[]+-\u212a\u017f\u0131éß\udc80\uff10'
LOCALS = st.text(st.sampled_from("reply+AZaz09.test" + SPECIAL), max_size=90) | st.text(max_size=90)


@given(LOCALS, st.none() | LOCALS)
def test_any_recipient_is_classified(argument: str, resolved: str | None) -> None:
    """No text makes it fail, and what is taken is plainly spelled at our domain."""
    found: Recipient = classify(FORM, argument, resolved)
    if isinstance(found, ReplyAddress):
        plain = parse_plain(argument)
        assert plain is not None
        assert (found.local, found.domain) == (plain[0], plain[1].lower())
        assert FORM.owns(*plain)


@given(st.text(st.sampled_from("abc<>@%!.\"'\\ ()"), max_size=60), st.none() | st.just("somebody@example.org"))
def test_recipient_without_our_domain_is_ordinary(argument: str, resolved: str | None) -> None:
    """A recipient is refused only if it names our domain, or the MTA reads it as ours."""
    assert classify(FORM, argument, resolved) == Ordinary()


@given(st.sampled_from(list(ODD_SPELLINGS.values())), st.integers(0, 60), st.sampled_from(SPECIAL))
def test_what_the_mta_delivers_to_us_is_never_ordinary(argument: str, place: int, extra: str) -> None:
    """However it is spelled: if ``{rcpt_addr}`` is ours, it is refused or canonical."""
    spelled = argument[:place] + extra + argument[place:]
    assert not isinstance(classify(FORM, spelled, FOLDED), Ordinary)


@pytest.mark.parametrize(
    "mailbox,spelled", [("support", "\u017fupport"), ("tickets", "tic\u212aets"), ("discuss", "discu\u00df")]
)
def test_mailbox_spelled_with_other_letters_is_never_canonical(mailbox: str, spelled: str) -> None:
    """Letters that only fold to ours are a second spelling, whatever a later reading makes of what follows."""
    form = replace(FORM, mailbox=mailbox)
    token_text = minted(form=form).address.split("+")[1].split("@")[0]
    for filler in ("", "x"):
        found = classify(
            form, f"<{spelled}+{filler}{token_text}@reply.test>", f"{mailbox}+{filler}{token_text}@reply.test"
        )
        assert not isinstance(found, ReplyAddress) or parse(form.token_text(found.local), form.checksum_length) is None


def test_our_domain_in_its_own_script_is_never_ordinary() -> None:
    """RFC 6531: an MTA with SMTPUTF8 delivers to a domain of ours that the client writes as U-labels."""
    form = AddressForm("reply", "+", "xn--bcher-kva.test", frozenset({"xn--bcher-kva.test"}))
    assert not isinstance(classify(form, "<reply+x@bücher.test>", "reply+x@bücher.test"), Ordinary)


@pytest.mark.parametrize("piece", ["(", "<", '"', "\\", "a.", "+", "%", "!", "a@b:", "((<@", "é", "reply+"])
@pytest.mark.parametrize("closing", ["", "@reply.test", ">"])
def test_hostile_recipient_costs_little(piece: str, closing: str) -> None:
    """256 KiB of one thing."""
    with in_time():
        classify(FORM, hostile(piece) + closing, None)
        classify(FORM, f"<{hostile(piece)}{closing}", FOLDED)


@pytest.mark.parametrize("piece", ["@", " ", "@ "])
def test_recipient_of_route_marks_costs_little(piece: str) -> None:
    """A source route stands at the start of a path, or nowhere."""
    with in_time():
        classify(FORM, f"b{hostile(piece)}b", None)
