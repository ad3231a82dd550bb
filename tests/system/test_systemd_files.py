"""contrib/systemd: exposure, the user, and the folders, each by systemd's own tools. test_package.py runs the unit."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

_FOLDER = Path(__file__).parents[2] / "contrib/systemd"


@pytest.mark.parametrize("name", ["reply-milter", "reply-milter-users@"])
def test_exposure_is_two_at_most(name: str) -> None:
    """By systemd-analyze security."""
    unit = _FOLDER / f"{name}.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit],
        capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"exposure level for reply-milter\S*.service: (\d\.\d)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= 2.0
    assert done.returncode == 0


def test_user_and_folders_are_made(tmp_path: Path) -> None:
    """In an empty root with a group postfix: the user by sysusers, then two folders that are its own by tmpfiles."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\npostfix:x:117:\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    for name in ("sysusers", "tmpfiles"):
        folder = tmp_path / f"usr/lib/{name}.d"
        folder.mkdir(parents=True)
        (folder / "reply-milter.conf").write_bytes((_FOLDER / f"reply-milter.{name}").read_bytes())
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
    passwd = (tmp_path / "etc/passwd").read_text().splitlines()[-1].split(":")
    assert (passwd[0], passwd[5:]) == ("reply-milter", ["/var/lib/reply-milter", "/usr/sbin/nologin"])
    subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", "reply-milter.conf"], check=True)
    sockets = (tmp_path / "var/spool/postfix/reply-milter").stat()
    assert (oct(stat.S_IMODE(sockets.st_mode)), sockets.st_uid, sockets.st_gid) == ("0o2750", int(passwd[2]), 117)
    state = (tmp_path / "var/lib/reply-milter").stat()
    assert (oct(stat.S_IMODE(state.st_mode)), state.st_uid, state.st_gid) == ("0o700", int(passwd[2]), int(passwd[3]))
