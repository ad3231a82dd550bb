"""The completion of bash, by bash itself: every command and option of the parser, and nothing else."""

import argparse
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.cli import parser
from reply_milter.cli.completion import script
from tests.support.shell import Shell

_ASK = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
compopt() { :; }  # only a completion that readline asks for has options
_reply_milter
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, as ``reply-milter completion`` writes it."""
    path = tmp_path_factory.mktemp("completion") / "reply-milter"
    path.write_text(script(parser()))
    return path


def _offered(made: Path, *words: str, folder: Path = Path("/")) -> list[str]:
    """What bash offers for the last of ``words``."""
    command = ["bash", "--norc", "-euc", _ASK, "bash", str(made), "reply-milter", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), shlex.join(words)
    return done.stdout.split()


def _parsers(one: argparse.ArgumentParser, *words: str) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command with its words, and the whole command line without."""
    yield words, one
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield from _parsers(sub, *words, name)


ALL = dict(_parsers(parser()))


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "reply-milter")
def test_every_command_and_every_option(made: Path, words: tuple[str, ...]) -> None:
    """At its place."""
    actions = ALL[words]._actions
    below = [name for action in actions if isinstance(action, argparse._SubParsersAction) for name in action.choices]
    if below:
        assert _offered(made, *words, "") == below
    assert _offered(made, *words, "-") == [text for action in actions for text in action.option_strings]


def test_the_beginning_of_a_word_counts(made: Path) -> None:
    """Of commands below commands, and behind options."""
    assert _offered(made, "ver") == ["verify-header"]
    assert _offered(made, "keys", "--config", "x", "pro") == ["promote"]
    assert _offered(made, "keys", "promote", "--con") == ["--config"]
    assert _offered(made, "nonsense", "") == _offered(made, "")


def test_files_and_folders(made: Path, tmp_path: Path) -> None:
    """Where the help says FILE and DIR; also behind an equals sign, which bash takes for a word."""
    (tmp_path / "a.eml").touch()
    (tmp_path / "a-folder").mkdir()
    assert sorted(_offered(made, "verify-header", "a", folder=tmp_path)) == ["a-folder", "a.eml"]
    assert sorted(_offered(made, "mint", "--config", "a", folder=tmp_path)) == ["a-folder", "a.eml"]
    assert _offered(made, "init", "a", folder=tmp_path) == ["a-folder"]
    assert _offered(made, "init", "--state-dir", "=", "a", folder=tmp_path) == ["a-folder"]
    assert _offered(made, "init", "--state-dir", "=", folder=tmp_path) == ["a-folder"]
    assert _offered(made, "doctor", "--postfix", "a", folder=tmp_path) == ["a-folder"]


def test_what_only_the_user_knows_gets_no_offer(made: Path) -> None:
    """A number, an address."""
    assert _offered(made, "mint", "--user", "") == []
    assert _offered(made, "explain", "") == []


def test_the_command_writes_it(shell: Shell, made: Path) -> None:
    """And bash reads it without a complaint, as the completion of one command."""
    assert shell.good("completion") == made.read_text()
    told = subprocess.run(
        ["bash", "--norc", "-euc", '. "$1"; complete -p', "bash", made], capture_output=True, text=True, check=True
    )
    assert told.stdout == "complete -F _reply_milter reply-milter\n"
