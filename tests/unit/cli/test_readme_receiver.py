"""The receiver in the README, as it stands there: it takes what is signed, posts it once, and refuses the rest."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.support.hosts.receiver import SECRET
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port, listens
from tests.support.shell import Shell

_README = Path(__file__).parents[3] / "README.md"


def test_the_receiver_of_the_readme(shell: Shell, tmp_path: Path) -> None:
    """By the test that this program has for endpoints; afterwards each reply is one row."""
    (program,) = re.findall(r"(?s)```python\n(import http.*?)```", _README.read_text(encoding="utf-8"))
    port = free_port()
    assert "whsec_YOUR_SECRET" in program and "8000" in program
    program = program.replace("whsec_YOUR_SECRET", SECRET).replace("8000", str(port))
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    running = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), 20, "the receiver listens")
        url = f"http://127.0.0.1:{port}/replies"
        status, told, _ = shell.run("test-endpoint", url, "--secret-file", str(secret), "--config", shell.config)
        assert status == 0, told
        assert "refuses no signature" in told
    finally:
        running.kill()
        running.wait()
    with sqlite3.connect(tmp_path / "posts.db") as posts:
        rows = posts.execute("SELECT id, user, text FROM post").fetchall()
    assert len(rows) == len({name for name, _, _ in rows}) == 2
    assert all(text for _, _, text in rows)
