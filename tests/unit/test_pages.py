"""Pages name what is there: modules in docs/flow.md, commands in the README."""

import re
from pathlib import Path

import pytest

from reply_milter.cli import main

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "milter" / "reply_milter"
_ROOMS = ("core", "flows", "adapters", "ports", "cli", "config")


def test_the_flow_page_names_modules_that_are_there() -> None:
    """A file, or a folder of files."""
    named = re.findall(rf"`((?:{'|'.join(_ROOMS)})/[\w/.]+)`", (_ROOT / "docs" / "flow.md").read_text())
    assert len(named) > 15
    missing = [name for name in named if not any((_SOURCE / f"{name}{end}").exists() for end in ("", ".py"))]
    assert missing == []


def test_the_readme_tells_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the running program; ``--help`` lists them."""
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"(?m)^    ([a-z-]+) ", capsys.readouterr().out)
    assert len(commands) > 10
    readme = re.sub(r"\s+", " ", (_ROOT / "README.md").read_text())
    assert [
        command for command in commands if f"reply-milter {command}" not in readme and f"`{command}" not in readme
    ] == []
