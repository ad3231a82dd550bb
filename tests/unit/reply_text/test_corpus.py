"""What is kept of the replies of mail programs and of people's habits: one file each in ``corpus``."""

import re
from pathlib import Path

import pytest

from reply_milter.core.redaction import read_redacted
from reply_text import Content
from tests.support.content_under_test import ADDRESS, FORM, GLOB

_CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.eml"))


def _read(path: Path, address: str = ADDRESS) -> tuple[Content, str]:
    """The content of a file's message, with a live reply address in it, and the text to keep."""
    text = path.read_text()
    notes = re.match(r"(?:#.*\n)+", text)
    assert notes and notes[0].startswith("# source: ")
    kept = "\n".join(re.findall(r"(?m)^# kept: ?(.*)$", notes[0]))
    message = text[notes.end() :].replace("{to}", address)
    return read_redacted(message.replace("\n", "\r\n").encode(), FORM), kept


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.stem)
def test_the_words_of_the_author_are_kept_and_no_others(path: Path) -> None:
    """The whole table."""
    content, kept = _read(path)
    assert content.stripped == kept
    assert content.flaws == frozenset()


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.stem)
def test_no_program_leaks_the_address_that_it_answers(path: Path) -> None:
    """In whatever field, text or attribute it copied it."""
    content, _ = _read(path)
    assert GLOB not in repr(content)
    assert "reply+redacted@reply.example.com" in repr(content)


def test_the_table_has_the_programs_that_people_use() -> None:
    """A file that is lost would go unnoticed otherwise."""
    names = " ".join(path.stem for path in _CORPUS)
    programs = (
        "gmail-web-en gmail-web-de gmail-web-fr gmail-web-es gmail-web-nl gmail-web-pl gmail-web-zh gmail-web-ja "
        "gmail-web-ru gmail-web-pt gmail-android apple-mail ios-mail outlook-desktop outlook-com outlook-web hotmail "
        "thunderbird k-9 mutt yahoo proton roundcube horde zoho"
    )
    assert [name for name in programs.split() if name not in names] == []
