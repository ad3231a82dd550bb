"""What is kept of the replies of some fifty mail programs and habits."""

import re
from pathlib import Path

import pytest

from reply_milter.core.address import AddressForm
from reply_milter.core.content import read

FORM = AddressForm("reply", "+", "reply.example.com", frozenset({"reply.example.com"}))
GLOB = "000000002a" + "bcdefghijklmnopqrstuvw" + "xyz234567abcdefghijklmnopq"
_CLIENTS = sorted((Path(__file__).parent / "clients").glob("*.eml"))


def _parsed(path: Path) -> tuple[bytes, str]:
    """The message, with a live reply address in it, and what is to be kept of it."""
    text = path.read_text()
    notes = re.match(r"(?:#.*\n)+", text)
    assert notes
    kept = "\n".join(re.findall(r"(?m)^# kept: ?(.*)$", notes[0]))
    message = text[notes.end() :]
    return message.replace("{to}", FORM.write(GLOB)).replace("\n", "\r\n").encode(), kept


@pytest.mark.parametrize("path", _CLIENTS, ids=lambda path: path.stem)
def test_the_authors_words_are_kept_and_no_others(path: Path) -> None:
    """The table in one assertion."""
    message, kept = _parsed(path)
    assert read(message, FORM).stripped == kept
