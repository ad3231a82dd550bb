"""HTML as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text.html_text import render
from reply_text.lines import Role


def _text(source: str) -> str:
    return "\n".join(line.text for line in render(source))


@pytest.mark.parametrize(
    "source,text",
    [
        ("Hello", "Hello"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("a<br>b<br><br><br>c", "a\nb\n\nc"),
        ("  a \n b\t<b> c </b> d", "a b c d"),
        ("a&nbsp;&nbsp;b &lt;c&gt; &amp;amp; &#8364; &#x20ac; &euro; &euro", "a  b <c> &amp; € € € &euro"),
        ("&bogus; &#xD800; &#1114112; &#0; &", "&bogus; \ufffd \ufffd \ufffd &"),
        ("&#" + "1" * 5000 + ";", "&#" + "1" * 5000 + ";"),
        ("<pre>a\n  b\n</pre>c", "a\n  b\n\nc"),
        ('<div style="white-space: pre-wrap">a\n  b</div>', "a\n  b"),
        ("<ul><li>a<li><p>b</p></ul><ol><li>c</li><li>d</li></ol>", "- a\n\n- b\n\n1. c\n2. d"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc"),
        ("<h1>a</h1>b<hr>c", "a\n\nb\n---\nc"),
        ('<a href="https://x.example/y">here</a>', "here <https://x.example/y>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="https://x.example/where">here</a>', "here <https://x.example/where>"),
        ('<a href="mailto:a@b">a@b</a> <a href="javascript:x">y</a>', "a@b y"),
        ('<img alt="a cat"> <img alt="😀"> <img src=x>', "[image: a cat] 😀"),
        ("<head><title>t</title><style>p {}</style></head><script>s</script>a", "a"),
        ("<style>never closed", ""),
        ("a<!-- b -->c<!---->d<!-->e<!--->f<![endif]>g<?xml?>h<!doctype html>i", "acdefghi"),
        ("a<!-- never closed", "a"),
        ("1 < 2 <3 a<b", "1 < 2 <3 a"),
        ("<a b='>'>x</a><p title=\"<p>\">y</p>", "x\n\ny"),
        ("<p don't>it's</p>", "it's"),
        ("<p class=MsoN>a</p><p class=MsoN>b</p><p class=MsoN>&nbsp;</p><p class=MsoN>c</p>", "a\nb\n\nc"),
        ("<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d", "> a\n> b\n>\n> > c\n\nd"),
        ("<table><tr><td><blockquote>a</td></tr></table>b", "> a\n\nb"),
        ("<div><blockquote>a</div>b", "> a\n\nb"),
        ("</div></blockquote></p>a", "a"),
        ("<BLOCKQUOTE>a</BlockQuote>b", "> a\n\nb"),
        ("", ""),
    ],
)  # fmt: skip
def test_html_reads_like_the_page(source: str, text: str) -> None:
    """Blocks, white space, references, lists, links, pictures, quotes, and what is broken."""
    assert _text(source) == text


def test_deep_quotes_do_not_grow_the_text() -> None:
    """A hundred thousand of them are shown as eight."""
    assert _text("<blockquote>" * 100_000 + "a") == "> " * 8 + "a"


@pytest.mark.parametrize(
    "source,role",
    [
        ('<blockquote type="cite">a', Role.BLOCKQUOTE),
        ("<blockquote type=CITE>a", Role.BLOCKQUOTE),
        ('<blockquote class="x gmail_quote">a', Role.BLOCKQUOTE),
        ('<div class="gmail_quote">a', Role.UNKNOWN),
        ("<blockquote>a", Role.UNKNOWN),
        ('<div class="yahoo_quoted">a', Role.QUOTED),
        ('<div class="gmail_attr">a', Role.ATTRIBUTION),
        ('<div class="moz-cite-prefix">a', Role.ATTRIBUTION),
        ('<div class="gmail_signature">a', Role.SIGNATURE),
        ('<div id="x_divRplyFwdMsg">a', Role.ORIGINAL),
        ('<div id="appendonsend"></div>a', Role.ORIGINAL),
        ('<div style="border:none; border-top:solid #E1E1E1 1.0pt">a', Role.ORIGINAL),
        ('<div style="border-top:solid red 1.0pt">a', Role.UNKNOWN),
        ('<blockquote type="cite"><div id="divRplyFwdMsg">a', Role.BLOCKQUOTE),
        ('<span class="yahoo_quoted">a', Role.UNKNOWN),
    ],
)
def test_marks_of_mail_programs_are_known(source: str, role: Role) -> None:
    """Within a quote, all is quoted."""
    assert render(source)[-1].role is role


@given(st.text(st.sampled_from("<>/!-?=\"'& abdiv;#x\n") | st.characters(), max_size=300))
def test_any_text_is_some_html(source: str) -> None:
    """Nothing raises, and no line holds a line end."""
    assert all("\n" not in line.text for line in render(source))
