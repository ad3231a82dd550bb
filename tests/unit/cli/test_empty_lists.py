"""Lists of the delivery hook that have no entry: a sentence for people, nothing for programs."""

import os
from pathlib import Path

import pytest

from reply_milter.cli import main
from reply_milter.cli.init import write_files


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Configure a delivery hook that has received nothing."""
    write_files(tmp_path, "reply.example.com", "example", str(tmp_path / "state"))
    path = tmp_path / "reply-milter.toml"
    path.write_text(f'{path.read_text()}[delivery]\nlisten = "unix:{tmp_path}/lmtp.sock"\n')
    (tmp_path / "state").mkdir()
    return str(path)


@pytest.mark.parametrize(
    "command,sentence", [("parked", "nothing is parked"), ("deadletter", "there are no dead letters")]
)
def test_an_empty_list_says_so(config: str, command: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, because standard output has one line per entry; --json prints an empty array."""
    assert main([command, "list", "--config", config]) == os.EX_OK
    assert capsys.readouterr() == ("", f"{sentence}\n")
    assert main([command, "list", "--json", "--config", config]) == os.EX_OK
    assert capsys.readouterr() == ("[]\n", "")
