"""Commands run as ``reply-milter`` does, in an installation made by ``init``."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reply_milter.cli import main

AT = "1767225600"  # 2026-01-01T00:00:00Z


UNNAMED = "unix://"


@dataclass
class Shell:
    """Runs commands, as ``reply-milter`` does, in an installation made by ``init``."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def config(self) -> str:
        """The configuration file."""
        return str(self.folder / "reply-milter.toml")

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        try:
            status = main(words)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        told = self.capture.readouterr()
        return status, told.out, told.err

    def good(self, *words: str) -> str:
        """Return the output of a command that succeeds without warnings."""
        status, out, err = self.run(*words)
        assert (status, err) == (os.EX_OK, "")
        return out

    def explained(self, *words: str) -> str:
        """Return the output of ``explain``, whose status is 1 for an address that is not valid."""
        status, out, err = self.run("explain", *words, "--config", self.config)
        valid = json.loads(out)["valid"] if "--json" in words else not out.startswith("not valid")
        assert (status, err) == (os.EX_OK if valid else 1, "")
        return out

    def refused(self, *words: str) -> tuple[int, str]:
        """Return status and the error line of a command that fails without output."""
        status, out, err = self.run(*words)
        assert out == ""
        assert err.endswith("\n")
        assert err.count("\n") == 1
        assert err.startswith("reply-milter")
        assert "Traceback" not in err
        return status, err

    def mint(self, *words: str) -> Any:
        """Return the JSON of ``mint``."""
        return json.loads(
            self.good("mint", "--config", self.config, "--handler", "issue", "--at", AT, "--json", *words)
        )

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        path = Path(self.config)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
