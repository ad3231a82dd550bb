"""What is kept of the replies of mail programs and of people's habits: one file each in ``corpus``."""

from pathlib import Path

import pytest

from reply_text import Kind, explain
from tests.support.content_under_test import GLOB
from tests.support.reply_text_corpus import Score, Shape, ShapeError, score, shape, shapes
from tools import reply_text_score

_SHAPES = [pytest.param(one, id=one.name) for one in shapes()]


@pytest.mark.parametrize("one", _SHAPES)
def test_the_words_of_the_author_are_kept_and_no_others(one: Shape) -> None:
    """The whole table."""
    content = one.read()
    assert content.stripped == one.kept
    assert content.flaws == one.flaws
    header = {"subject": content.subject, "author": content.author.name}
    assert header | one.header == header


@pytest.mark.parametrize("one", _SHAPES)
def test_no_program_leaks_the_address_that_it_answers(one: Shape) -> None:
    """In whatever field, text or attribute it copied it."""
    content = one.read()
    assert GLOB not in repr(content)
    assert "reply+redacted@reply.example.com" in repr(content)


@pytest.mark.parametrize("one", _SHAPES)
def test_what_is_explained_is_what_is_kept(one: Shape) -> None:
    """Each line has its kind, and the kept ones make the stripped text, white space and dash-escapes aside."""
    told = explain(one.message.replace(b"{to}", b"shop@shop.example"))
    kept = "".join(line for kind, line in told.lines if kind is Kind.KEPT)
    if told.content.stripped:
        assert "".join(kept.split()).replace("-", "") == "".join(told.content.stripped.split()).replace("-", "")


def test_the_table_has_the_programs_that_people_use() -> None:
    """A file that is lost would go unnoticed otherwise."""
    names = " ".join(one.name for one in shapes())
    programs = (
        "gmail-web-en gmail-web-de gmail-web-fr gmail-web-es gmail-web-nl gmail-web-pl gmail-web-zh gmail-web-ja "
        "gmail-web-ru gmail-web-pt gmail-android apple-mail ios-mail outlook-desktop outlook-com outlook-web hotmail "
        "thunderbird k-9 mutt yahoo proton roundcube horde zoho"
    )
    assert [name for name in programs.split() if name not in names] == []


def test_the_score_of_the_corpus_has_no_words_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """The short form of ``make reply-text-score``: a row per kind, and their sum."""
    assert reply_text_score.main([]) == 0
    rows = capsys.readouterr().out.splitlines()
    count = len(list(shapes()))
    assert rows[0].split() == ["kind", "right", "too", "much", "kept", "words", "lost"]
    assert {row.split()[0] for row in rows[1:]} == {one.kind for one in shapes()} | {"all"}
    assert rows[-1].split() == ["all", str(count), "0", "0"]


@pytest.mark.parametrize(
    "kept,status,row",
    [
        ("Yes.", 0, "all 1 0 0"),
        ("Yes. No.", 1, "all 0 0 1"),
        ("Yes", 1, "all 0 0 1"),
        ("", 0, "all 0 1 0"),
    ],
)  # fmt: skip
def test_words_that_are_lost_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: str, status: int, row: str
) -> None:
    """And too much that is kept does not; the file is named."""
    path = tmp_path / "one.eml"
    path.write_text(f"# source: here\n# kind: any\n# kept: {kept}\nFrom: a@b.example\n\nYes.\n")
    assert reply_text_score.main([str(tmp_path)]) == status
    rows = capsys.readouterr().out.splitlines()
    assert " ".join(rows[2].split()) == row
    assert rows[3:] == ([] if row == "all 1 0 0" else [f"{'words lost' if status else 'too much kept'}: {path}"])


def test_words_count_in_their_order() -> None:
    """A quote that holds the same words does not make up for the author's."""
    assert score("a b", "a x b") is Score.TOO_MUCH
    assert score("a b", "b a") is score("a a", "a") is Score.LOST


@pytest.mark.parametrize(
    "text,problem",
    [
        ("From: a@b.example\n\nYes.\n", "# source:"),
        ("# kept: Yes.\nFrom: a@b.example\n\nYes.\n", "# source:"),
        ("# source: here\n# kept: Yes.\nFrom: a@b.example\n\nYes.\n", "# kind:"),
        ("# source: here\n# kind: Two Words\nFrom: a@b.example\n\nYes.\n", "# kind:"),
    ],
)
def test_a_file_without_its_head_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    """Exit 2: nothing was measured."""
    with pytest.raises(ShapeError, match=problem):
        shape("one", text.encode())
    (tmp_path / "one.eml").write_text(text)
    assert reply_text_score.main([str(tmp_path)]) == 2
    assert problem in capsys.readouterr().err


def test_an_empty_folder_is_no_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is wrong would look like a good result otherwise."""
    assert reply_text_score.main([str(tmp_path)]) == 2
    assert "no *.eml" in capsys.readouterr().err
