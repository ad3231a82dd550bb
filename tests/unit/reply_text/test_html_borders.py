"""Outlook's line in a style, as programs spell it."""

import pytest

from reply_text.html_borders import is_outlooks


@pytest.mark.parametrize(
    "style",
    [
        "border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in",
        "border:none; border-top: #e1e1e1 1pt solid",
        "padding:3.0pt 0cm 0cm 0cm;border-top:1.0pt solid #CCCCCC;border-left:none",
        "BORDER-TOP: #b5c4df 1pt solid; PADDING-TOP: 3pt",
        "border-right:none;border-bottom:none;border-left:none;border-top:1pt solid rgb(225, 225,225)",
        "border-width:1pt medium medium;border-style:solid none none;border-color:rgb(181, 196, 223) currentcolor",
        "border-top-style:solid;border-top-width:1pt;border-top-color:#e1e1e1;padding:3pt 0 0",
    ],
)
def test_every_spelling_is_outlooks_line(style: str) -> None:
    """In any order, with any values for the sides that have no line."""
    assert is_outlooks(style)


@pytest.mark.parametrize(
    "style",
    [
        "",
        "border",
        "border:",
        "border:none;border-top:solid windowtext 1.0pt;padding:3pt 0 0",
        "border:none;border-bottom:solid #E1E1E1 1.0pt;padding:3pt 0 0",
        "border:1pt solid #e1e1e1;padding:3pt",
        "border-top:1px solid #cccccc;padding:3pt",
        "border-top:1pt solid #e1e1e1",
        "border-top:solid #e1e1e1 1pt;border-bottom:solid #e1e1e1 1pt;padding:3pt",
        "border:none;border-top:solid #e1e1e1 1pt;border-top:none",
        "border-color:rgb(1,2);border-style:;border-top-:solid",
        ";" * 1000 + "border:none;border-top:solid #E1E1E1 1.0pt",
    ],
)
def test_other_lines_are_the_authors(style: str) -> None:
    """Frames, other colours, lines below, lines taken back."""
    assert not is_outlooks(style)
