"""Man pages are clean: for groff, for man-db, and for mandoc's lint down to matters of style."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

_PAGES = sorted((Path(__file__).parents[2] / "docs/man").iterdir())
# Which other pages are installed here is no matter of ours.
_OF_THE_HOST = ("referenced manual not found", "outdated mandoc.db")


def test_there_are_two_pages() -> None:
    """The program, and its configuration."""
    assert [page.name for page in _PAGES] == ["reply-milter.8", "reply-milter.toml.5"]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_a_page_is_clean(page: Path) -> None:
    """No warnings of any of three readers, and something is shown."""
    for command in (
        ["groff", "-ww", "-mdoc", "-Tutf8", str(page)],
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        assert (done.returncode, done.stderr) == (0, ""), command
        assert len(done.stdout) > 1000
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "style", page], capture_output=True, text=True)
    told = [line for line in (lint.stdout + lint.stderr).splitlines() if not any(word in line for word in _OF_THE_HOST)]
    assert told == []
