"""Reply addresses of ours, in every spelling in which mail programs copy them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.redaction import read_redacted, redact
from reply_milter.core.token.address import AddressForm
from reply_text import Limits
from tests.support.content_under_test import ADDRESS, BARE, DASHED, FORM, GLOB, message


@pytest.mark.parametrize(
    "text,redacted",
    [
        ("<reply+GLOB@reply.example.com>", "<reply+redacted@reply.example.com>"),
        ("reply+GLOB@reply.example.com.", "reply+redacted@reply.example.com."),
        ("REPLY+GLOB@REPLY.Example.COM", "REPLY+redacted@REPLY.Example.COM"),
        ("mailto:reply+GLOB@reply.example.com?subject=x", "mailto:reply+redacted@reply.example.com?subject=x"),
        ("mailto:reply%2BGLOB@reply.example.com", "mailto:reply%2Bredacted@reply.example.com"),
        ("?to=mailto%3Areply%2bGLOB%40reply.example.com&a", "?to=mailto%3Areply%2bredacted%40reply.example.com&a"),
        ("reply%252BGLOB%2540reply.example.com", "reply%252Bredacted%2540reply.example.com"),
        ("reply&#43;GLOB&#64;reply.example.com", "reply&#43;redacted&#64;reply.example.com"),
        ("reply&#x2B;GLOB&#x40;reply&#46;example.com", "reply&#x2B;redacted&#x40;reply&#46;example.com"),
        ("reply&plus;GLOB&commat;reply&period;example.com", "reply&plus;redacted&commat;reply&period;example.com"),
        ("&lt;reply+GLOB@reply.example.com&gt;", "&lt;reply+redacted@reply.example.com&gt;"),
        ('"reply+GLOB"@reply.example.com', '"reply+redacted"@reply.example.com'),
        ("reply+GLOB@bücher.example", "reply+redacted@bücher.example"),
        ("reply+GLOB@XN--BCHER-KVA.example", "reply+redacted@XN--BCHER-KVA.example"),
        ("reply+anything@reply.example.com", "reply+redacted@reply.example.com"),
        ("reply+a+b@reply.example.com", "reply+redacted@reply.example.com"),
        ("bounce-reply+GLOB=reply.example.com@x.example", "bounce-reply+redacted=reply.example.com@x.example"),
        ("SRS0=aa=bb=reply.example.com=reply+GLOB@x.example", "SRS0=aa=bb=reply.example.com=reply+redacted@x.example"),
        ("for reply+GLOB at that host", "for reply+redacted at that host"),
        ("reply+GLOB@other.example", "reply+redacted@other.example"),
        ("reply@reply.example.com", "reply@reply.example.com"),
        ("reply+@reply.example.com", "reply+@reply.example.com"),
        ("reply+a@reply.example.com.evil.example", "reply+a@reply.example.com.evil.example"),
        ("reply+a@notreply.example.com", "reply+a@notreply.example.com"),
        ("noreply+a@reply.example.com", "noreply+a@reply.example.com"),
        ("my.reply+a@reply.example.com", "my.reply+a@reply.example.com"),
        ("reply+ GLOB@reply.example.com", "reply+ redacted@reply.example.com"),
        ("reply+a\nb@reply.example.com", "reply+a\nb@reply.example.com"),
        ("reply+GLOBx and a reply + b", "reply+GLOBx and a reply + b"),
        ("postmaster@reply.example.com jane@example.org", "postmaster@reply.example.com jane@example.org"),
    ],
)
def test_extensions_go_and_all_else_stays(text: str, redacted: str) -> None:
    """In lower and upper case, encoded or not."""
    for glob in (GLOB, GLOB.upper()):
        assert redact(text.replace("GLOB", glob), FORM) == redacted.replace("GLOB", glob)


def test_without_a_mailbox_only_a_token_is_ours() -> None:
    """The domain has other addresses: postmaster, people."""
    glob = (GLOB * 2)[: BARE.token_length]
    assert redact(f"<{glob}@reply.example.com>", BARE) == "<redacted@reply.example.com>"
    assert redact(f"mailto%3A{glob}%40reply.example.com", BARE) == "mailto%3Aredacted%40reply.example.com"
    for other in (
        "jane@reply.example.com",
        f"x{glob}@reply.example.com",
        f"{glob}@other.example",
        glob,
    ):
        assert redact(other, BARE) == other


def test_a_token_that_is_broken_in_two_is_not_found() -> None:
    """Neither half works."""
    for gap in (" ", "\n", "\n> ", "<br>"):
        text = f"reply+{GLOB[:30]}{gap}{GLOB[30:]}@reply.example.com"
        assert redact(text, FORM) == text


@pytest.mark.parametrize("gap", ["<wbr>", "<WBR/>", "<wbr />"])
def test_a_place_to_break_a_word_breaks_no_token(gap: str) -> None:
    """Gmail puts it into what it quotes, and whoever sees the page sees the address whole."""
    assert redact(f"reply+{GLOB[:30]}{gap}{GLOB[30:]}@reply.example.com", FORM) == "reply+redacted@reply.example.com"
    assert (
        redact(f"reply+{gap}{GLOB}{gap}@reply.exa{gap}mple.com", FORM)
        == f"reply+{gap}redacted{gap}@reply.exa{gap}mple.com"
    )
    assert redact(f"re{gap}ply+{GLOB[:9]}{gap}{GLOB[9:]}@x.example", FORM) == f"re{gap}ply+redacted@x.example"
    assert redact(f"{GLOB[:20]}{gap}{GLOB[20:]}@reply.example.com", FORM) == "redacted@reply.example.com"


def test_with_a_hyphen_only_the_length_of_a_token_is_ours() -> None:
    """`reply-to@` may be a person's mailbox."""
    assert redact(f"reply-{GLOB}@reply.example.com", DASHED) == "reply-redacted@reply.example.com"
    assert redact("reply-to@reply.example.com", DASHED) == "reply-to@reply.example.com"


_SCRAPS = st.sampled_from(
    [
        "reply", "+", "%2B", "&#43;", GLOB, "@", "%40", "&commat;", "reply.example.com", ".", "x", " ", "<", '"', "=",
        "%", "redacted", "reply+", f"reply+{GLOB}", f"{GLOB}@reply.example.com",
    ]
)  # fmt: skip


@given(st.lists(_SCRAPS, max_size=12).map("".join), st.sampled_from([FORM, DASHED, BARE]))
def test_a_second_pass_changes_nothing(text: str, form: AddressForm) -> None:
    """Idempotent, and no token of ours is left at our domain."""
    once = redact(text, form)
    assert redact(once, form) == once
    assert f" reply+{GLOB}@reply.example.com " not in f" {redact(once, FORM)} "


@pytest.mark.parametrize("at", range(1, 80))
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_a_text_that_is_cut_holds_no_half_of_an_address(at: int, kind: str) -> None:
    """A token less a letter or two could be guessed; a word that does not fit is left out."""
    limits = Limits(text_characters=at, html_characters=at)
    content = read_redacted(message(f"to {ADDRESS} now", f"Content-Type: {kind}"), FORM, limits=limits)
    for text in (content.text, content.html, content.stripped):
        assert len(text) <= at
        assert GLOB[:5] not in text
