"""An installation made by ``init``, for each test of a command."""

from pathlib import Path

import pytest

from tests.support.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A fresh installation."""
    made = Shell(tmp_path / "etc", capsys)
    made.good("init", str(made.folder), "--domain", "reply.test", "--state-dir", str(tmp_path / "state"))
    return made
