"""Passwords and tokens out of files and programs."""

import os
import time
from pathlib import Path

import pytest

from reply_milter.adapters.imap import secrets
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError


def _sh(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


def test_the_first_line_is_the_secret(tmp_path: Path) -> None:
    """Without its end, in UTF-8."""
    path = tmp_path / "password"
    path.write_bytes("pässword \r\nsecond\n".encode())
    assert secrets.of_file(str(path)) == "pässword"
    assert secrets.of_command(_sh("printf 'token\\nmore\\n'")) == "token"


@pytest.mark.parametrize("octets", [b"", b"\nx", b"\xff\n", b"a\x00b", b"x" * 20_000])
def test_a_file_without_a_secret_says_so(octets: bytes, tmp_path: Path) -> None:
    """With its name, and none of its text."""
    path = tmp_path / "password"
    path.write_bytes(octets)
    with pytest.raises(MailboxRefusedError, match=r"password: the first line") as error:
        secrets.of_file(str(path))
    assert "xxx" not in str(error.value)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer, a folder, nothing."""
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("pipe", "is not a file"), ("", "."), ("none", "No such file")):
        with pytest.raises(MailboxRefusedError, match=words):
            secrets.of_file(str(tmp_path / name))


def test_a_folder_in_its_place_costs_no_descriptor(tmp_path: Path) -> None:
    """Each login reads the file again."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(MailboxRefusedError):
            secrets.of_file(str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "argv,words",
    [
        (("/nowhere/token",), "/nowhere/token: No such file"),
        (_sh("echo token; exit 3"), "ended with status 3"),
        (_sh("exit 0"), "first line must hold"),
        (_sh("head -c 100000 /dev/zero | tr '\\0' x"), "first line must hold"),
        (_sh("yes x | tr -d '\\n'"), "first line must hold"),
    ],
)
def test_a_program_that_prints_no_secret_is_refused(argv: tuple[str, ...], words: str) -> None:
    """Also one that prints for ever."""
    with pytest.raises(MailboxRefusedError, match=words):
        secrets.of_command(argv)


def test_a_slow_program_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """Before the time is up, nothing; then all of its process group."""
    script = f"sleep 60 & echo $! > {tmp_path}/pid; wait"
    began = time.monotonic()
    with pytest.raises(MailboxUnavailableError, match="took longer"):
        secrets.of_command(_sh(script), seconds=0.5)
    assert time.monotonic() - began < 10
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 5
    while time.monotonic() < until and Path(f"/proc/{pid}/stat").exists():
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_a_program_gets_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for HOME, which tools of clouds need."""
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    monkeypatch.setenv("HOME", "/var/lib/somebody")
    assert secrets.of_command(_sh('echo "$HOME-$SECRET_OF_OURS-"')) == "/var/lib/somebody--"
