"""The library's own page: its examples run, its files are in the package, and it needs nothing of the milter."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from reply_text import Content, Flaw
from reply_text.values import Explanation

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "milter" / "reply_text" / "README.md").read_text(encoding="utf-8")


def _program() -> str:
    """The page's examples, one after the other."""
    blocks = re.findall(r"(?m)(?:^ {4}.*\n|^\n(?= {4}))+", _PAGE)
    return "\n".join(re.sub(r"(?m)^ {4}", "", block) for block in blocks if "import" in block)


def test_the_examples_run_without_the_milter() -> None:
    """In a process of its own, in which reply_milter can't be imported."""
    program = f"import sys\nsys.modules['reply_milter'] = None\n{_program()}"
    assert program.count("assert") >= 5
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=_ROOT / "milter")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_value_has_its_word_on_the_page() -> None:
    """Those of a Content, and no other."""
    named = {name for row in re.findall(r"(?m)^\| (`.*?) \|", _PAGE) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(Content.__dataclass_fields__)
    assert set(Explanation.__dataclass_fields__) == {"content", "lines"}


def test_every_flaw_is_explained_to_authors_of_applications() -> None:
    """In the table of docs/reply-text.md."""
    page = (_ROOT / "docs" / "reply-text.md").read_text(encoding="utf-8")
    named = {name for row in re.findall(r"(?m)^\| (`.*?) \|", page) for name in re.findall(r"`(\w+)`", row)}
    assert set(Flaw) - named == set()


def test_the_page_is_in_the_package() -> None:
    """So that whoever has installed it can read it."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "README.md" in settings["tool"]["setuptools"]["package-data"]["reply_text"]
