"""text/enriched as plain text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_text.enriched import render


@pytest.mark.parametrize(
    "source,text",
    [
        ("a\nb\n\nc\n\n\nd", "a b\nc\n\nd"),
        ("<bold>a</bold> <<b>", "a <b>"),
        ("<color><param>red</param>a</color>", "a"),
        ("<nofill>a\n  b</nofill>\nc", "a\n  b c"),
        ("<excerpt>a\n\nb</excerpt>c", "\n> a\n> b\nc"),
        ("a<nl>b<lt>c", "a\nb<c"),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("</param></excerpt></nofill>a", "\na"),
        ("<param>never closed", ""),
    ],
)
def test_commands_are_taken_out(source: str, text: str) -> None:
    """RFC 1896, and what is broken."""
    assert render(source) == text


@given(st.text(st.sampled_from("<>/apramexcerptnofil\n"), max_size=200))
def test_any_text_is_rendered(source: str) -> None:
    """Nothing raises."""
    render(source)
