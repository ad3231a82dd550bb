"""A Postfix that knows nothing of us yet, and our commands for it. It is configured like a mail host's."""

import contextlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from reply_milter.cli import main
from reply_milter.cli.demo.private_postfix import Layout, PrivatePostfix
from reply_milter.cli.init import write_files
from tests.support.processes.ports import free_port

DOMAIN = "reply.example.com"
NOTHING = Layout(main_cf=(), master_cf=())
Files = dict[str, bytes]


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    stdout: str
    stderr: str


class PlainPostfix:
    """``main`` and ``master``: lines of the operator's own, below Debian's; ``settings``: of our configuration."""

    def __init__(self, folder: Path, main: str = "", master: str = "", settings: str = "") -> None:
        self.postfix = PrivatePostfix(folder / "postfix", free_port(), Layout((), (), main, master))
        self.postfix.prepare(0, 0)
        write_files(folder / "ours", DOMAIN, DOMAIN, str(folder / "state"))
        self.config = folder / "ours/reply-milter.toml"
        text = self.config.read_text().replace("/var/spool/postfix/reply-milter", str(self.postfix.socket_folder))
        self.config.write_text(text + settings)
        self.etc = folder / "postfix/etc"

    def change(self, old: str, new: str) -> None:
        """Change our configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def files(self) -> Files:
        """Both files as they are."""
        return {name: (self.etc / name).read_bytes() for name in ("main.cf", "master.cf")}

    def run(self, deed: str, *words: str) -> Done:
        """Run ``reply-milter postfix DEED``."""
        return ours(self.config, self.etc, deed, *words)

    def good(self, deed: str, *words: str) -> str:
        """Return the output of a deed that succeeds and says nothing on standard error."""
        done = self.run(deed, *words)
        assert (done.status, done.stderr) == (0, ""), (done.stdout, done.stderr)
        return done.stdout

    def refused(self, deed: str, *words: str) -> str:
        """Return the one line of a deed that fails and changes nothing."""
        before = self.files()
        done = self.run(deed, *words)
        assert done.status not in (0, 1), done.stdout
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("reply-milter: "), done.stderr
        assert self.files() == before
        return done.stderr

    def set(self, *settings: str, option: str = "-e") -> None:
        """Change settings as an operator does."""
        subprocess.run(["postconf", "-c", self.etc, option, *settings], check=True)

    def get(self, name: str, *options: str) -> str:
        """Return a setting, expanded, on one line."""
        done = subprocess.run(
            ["postconf", "-c", self.etc, "-xh", *options, name], capture_output=True, text=True, check=True
        )
        return " ".join(done.stdout.split())

    def written(self, name: str, *options: str) -> str:
        """Return a setting as it is written."""
        done = subprocess.run(
            ["postconf", "-c", self.etc, "-h", *options, name], capture_output=True, text=True, check=True
        )
        return " ".join(done.stdout.split())

    def warnings(self) -> list[str]:
        """Return what postconf warns of, which every start, check and reload of Postfix repeats."""
        asked = [[], ["-n"], ["-M"], ["-P"]]
        done = [subprocess.run(["postconf", "-c", self.etc, *words], capture_output=True, text=True) for words in asked]
        return sorted({line for one in done for line in one.stderr.splitlines()})

    def found(self) -> list[str]:
        """Return the checks of doctor's errors and warnings about Postfix."""
        return doctors_checks(self.config, self.etc)


def ours(config: Path, etc: Path, deed: str, *words: str) -> Done:
    """Run ``reply-milter postfix DEED`` for a Postfix in a folder."""
    return _run("postfix", deed, "--config", str(config), "-c", str(etc), *words)


def doctors_checks(config: Path, etc: Path) -> list[str]:
    """Return the checks of doctor's errors and warnings about the Postfix in a folder."""
    told: dict[str, Any] = json.loads(_run("doctor", "--json", "--config", str(config), "--postfix", str(etc)).stdout)
    found = [one["check"] for one in told["findings"] if one["severity"] != "note"]
    return [check for check in found if check.startswith("postfix.")]


def _run(*words: str) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Done(status, out.getvalue(), err.getvalue())
