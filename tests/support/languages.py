"""The libraries for other languages: their own tests, their README's examples, and questions to them."""

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_SECONDS = 300


@dataclass(frozen=True)
class Language:
    """``fence``: how the README marks an example. ``command``: runs a program in it. ``tests``: the library's own."""

    name: str
    fence: str
    file: str
    command: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The library."""
        return ROOT / "contrib" / self.name

    def examples(self) -> list[str]:
        """The README's examples, in order."""
        readme = (self.folder / "README.md").read_text(encoding="utf-8")
        return re.findall(rf"(?ms)^```{self.fence}\n(.*?)^```$", readme)

    def example(self, needle: str) -> str:
        """The README's only example with ``needle`` in it."""
        (found,) = [text for text in self.examples() if needle in text]
        return found

    def placed(self, program: str, folder: Path) -> list[str]:
        """Write a program where the library is installed; returns the command that runs it."""
        self.install(folder)
        (folder / self.file).write_text(program, encoding="utf-8")
        return [*self.command, str(folder / self.file)]

    def run(self, program: str, folder: Path, given: bytes = b"") -> str:
        """Run a program where the library is installed; returns its standard output."""
        done = subprocess.run(
            self.placed(program, folder), input=given, capture_output=True, cwd=folder, timeout=_SECONDS
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
        assert done.stderr == b""
        return done.stdout.decode()

    def install(self, folder: Path) -> None:
        """Make a program in ``folder`` find the library, as a package manager does."""
        if self.name == "javascript":
            (folder / "node_modules").mkdir(exist_ok=True)
            link = folder / "node_modules" / "reply-milter"
            if not link.exists():
                link.symlink_to(self.folder)
            return
        (folder / "vendor").mkdir(exist_ok=True)
        (folder / "vendor" / "autoload.php").write_text(f"<?php require '{self.folder}/autoload.php';")

    def ask(self, questions: Iterable[tuple[str, object]]) -> list[Any]:
        """Put questions to the library; ``{"error": class}`` for each that it refuses."""
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        driver = ROOT / "tests/languages" / f"driver{Path(self.file).suffix}"
        done = subprocess.run([*self.command, str(driver)], input=lines.encode(), capture_output=True, timeout=_SECONDS)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return [json.loads(line) for line in done.stdout.splitlines()]


JAVASCRIPT = Language("javascript", "js", "example.mjs", ("node",), ("node", "--test", "test/"))
# Every notice of PHP is an error: nothing is left to a setting of the host.
PHP = Language(
    "php",
    "php",
    "example.php",
    ("php", "-d", "display_errors=stderr", "-d", "error_reporting=-1", "-d", "zend.assertions=1"),
    ("php", "tests/run.php"),
)
LANGUAGES = (JAVASCRIPT, PHP)
