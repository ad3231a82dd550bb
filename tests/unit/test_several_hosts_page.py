"""docs/several-hosts.md: its commands are commands, and each of its URLs is a store's."""

import re
import shlex
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store.link.target import Kind, read_url
from reply_milter.cli import parser

PAGE = (Path(__file__).parents[2] / "docs/several-hosts.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?m)^ {4}reply-milter (.+)$", PAGE)
URLS = re.findall(r"\bredis\+\w+://[^\s`\"]+", PAGE)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_is_one(words: str) -> None:
    """What they do is tested on a real Redis, in contract/test_store_watch.py and contract/test_inspection.py."""
    assert callable(parser().parse_args(shlex.split(words)).action)


def test_there_are_commands_and_urls() -> None:
    """Of both kinds."""
    assert len(COMMANDS) == 3
    assert {read_url(url).kind for url in URLS} == {Kind.SENTINEL, Kind.CLUSTER}
