"""``user import`` against a real Redis: what is on file afterwards, and what a bad or interrupted file leaves."""

import fcntl
import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from reply_milter.cli import main
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

Capture = pytest.CaptureFixture[str]


def shown(config: str, user: int, capsys: Capture) -> dict[str, object]:
    """What is on file about a user."""
    assert main(["user", "show", str(user), "--config", config, "--json"]) == os.EX_OK
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_csv_replaces_addresses_and_leaves_disabling(config: str, tmp_path: Path, capsys: Capture) -> None:
    """A nightly export of addresses does not enable a disabled user, and undoes no revocation."""
    main(["user", "set", "1", "--address", "old@example.com", "--disabled", "--config", config])
    main(["revoke", "user", "1", "--config", config])
    capsys.readouterr()
    file = tmp_path / "users.csv"
    file.write_text("user,address\n1,new@example.com\n1,newer@example.com\n2,b@example.com\n")
    assert main(["user", "import", str(file), "--config", config]) == os.EX_OK
    told = capsys.readouterr()
    assert (told.out, told.err) == ("imported 2 users with 3 addresses\n", "")
    one = shown(config, 1, capsys)
    assert (one["addresses"], one["disabled"]) == (["new@example.com", "newer@example.com"], True)
    assert one["revoked_before"]
    assert shown(config, 2, capsys)["addresses"] == ["b@example.com"]


def test_json_lines_from_standard_input(config: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """In as many round trips as it takes; a summary for programs."""
    lines = [json.dumps({"user": number, "addresses": [f"u{number}@example.com"]}) for number in range(1201)]
    lines[7] = '{"user": 7, "addresses": [], "disabled": true}'
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    assert main(["user", "import", "-", "--config", config, "--json"]) == os.EX_OK
    assert json.loads(capsys.readouterr().out) == {"users": 1201, "addresses": 1200}
    assert shown(config, 1200, capsys)["addresses"] == ["u1200@example.com"]
    assert shown(config, 7, capsys)["disabled"] is True


@pytest.mark.parametrize("text", ['{"user": 88, "disabled": true}', "user,address,disabled\n88,,true"])
def test_a_list_of_whom_to_disable_leaves_addresses_on_file(
    config: str, tmp_path: Path, capsys: Capture, text: str
) -> None:
    """What a file does not say stays as it is; an empty list takes addresses off."""
    main(["user", "set", "88", "--address", "a@b.example", "--address", "c@d.example", "--config", config])
    file = tmp_path / "users"
    file.write_text(text)
    assert main(["user", "import", str(file), "--config", config]) == os.EX_OK
    capsys.readouterr()
    found = shown(config, 88, capsys)
    assert (found["disabled"], found["addresses"]) == (True, ["a@b.example", "c@d.example"])
    file.write_text('{"user": 88, "addresses": []}')
    assert main(["user", "import", str(file), "--config", config]) == os.EX_OK
    capsys.readouterr()
    found = shown(config, 88, capsys)
    assert (found["disabled"], found["addresses"]) == (True, [])


def test_a_file_with_mistakes_changes_nothing(config: str, tmp_path: Path, capsys: Capture) -> None:
    """One line, with the first mistakes and the number of the others."""
    file = tmp_path / "users.csv"
    file.write_text("user,address\n1,good@example.com\n" + "x,bad\n" * 8)
    assert main(["user", "import", str(file), "--config", config]) == os.EX_DATAERR
    told = capsys.readouterr()
    assert told.err.startswith(f"reply-milter: {file}: nothing was imported: line 3: user must be a number")
    assert told.err.endswith("; and 3 more\n")
    assert told.err.count("\n") == 1
    assert shown(config, 1, capsys)["addresses"] == []


@pytest.mark.parametrize("content,status", [(b"\xff\xfe", os.EX_DATAERR), (None, os.EX_NOINPUT)])
def test_a_file_that_is_none(config: str, tmp_path: Path, capsys: Capture, content: bytes | None, status: int) -> None:
    """Missing, or no text."""
    file = tmp_path / "users.csv"
    if content is not None:
        file.write_bytes(content)
    assert main(["user", "import", str(file), "--config", config]) == status
    assert capsys.readouterr().err.count("\n") == 1


def test_a_store_that_goes_away_says_how_far_it_came(
    config: str, server: RedisUnderTest, tmp_path: Path, capsys: Capture
) -> None:
    """Importing the file again puts it right."""
    file = tmp_path / "users.csv"
    file.write_text("user,address\n1,a@example.com\n")
    with server.stopped():
        assert main(["user", "import", str(file), "--config", config]) == os.EX_TEMPFAIL
    assert "after 0 of 1 user " in capsys.readouterr().err


def test_a_terminal_shows_how_far_it_is(config: str, tmp_path: Path) -> None:
    """A bar on a terminal, and only there."""
    file = tmp_path / "users.csv"
    file.write_text("user,address\n" + "".join(f"{number},u{number}@example.com\n" for number in range(1000)))
    controlling, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "reply_milter", "user", "import", str(file), "--config", config]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "milter")}
    subprocess.run(command, stderr=terminal, stdout=subprocess.DEVNULL, env=environment, check=True)
    assert select.select([controlling], [], [], 5)[0], "nothing was drawn"
    assert b"/1000 " in os.read(controlling, 65536)
    os.close(terminal)
    os.close(controlling)
