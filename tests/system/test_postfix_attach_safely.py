"""What ``postfix attach`` and ``detach`` leave when they are killed, and of files that are odd, or others' to write."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reply_milter.cli.postfix import showing
from tests.support.hosts.operators_postfix import (
    complete,
    lived_in,
    plain,
)
from tests.support.hosts.plain_postfix import PlainPostfix

pytestmark = pytest.mark.system


LONG = bool(os.environ.get("REPLY_MILTER_LONG"))  # make deb-test; each of these deeds runs ``postfix check``, a second
KILLED = """
import os, sys
from reply_milter.adapters.postfix import written
left = int(sys.argv.pop(1))
def counted(name, real=os.replace):
    def replace(*words):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return real(*words)
    return replace
os.replace = counted("replace")
from reply_milter.cli import main
sys.exit(main())
"""


CRASHES = list(itertools.product(("attach", "detach"), ("attach", "detach"), range(5)))
SHORT = [(then, deed, steps) for then, deed, steps in CRASHES if then != deed and steps in (1, 3)]


@pytest.mark.parametrize(("then", "deed", "steps"), CRASHES if LONG else SHORT)
def test_a_crash_between_two_changes(short_path: Path, then: str, deed: str, steps: int) -> None:
    """Whichever file was replaced last: the next deed copes, and after a detach all is as it was."""
    host = lived_in(short_path)
    before = host.files()
    if deed == "detach":
        host.good("attach", "--yes", "--sign")
    words = ["-c", str(host.etc), "--config", str(host.config), "--yes"]
    sign = ["--sign"] if deed == "attach" else []
    subprocess.run(
        [sys.executable, "-c", KILLED, str(steps), "postfix", deed, *words, *sign], capture_output=True, cwd="/"
    )
    if then == "attach":
        host.good("attach", "--yes", "--sign")
        assert host.run("status").status == 1
        assert host.found() == [
            check for check in host.found() if check in ("postfix.vrfy", "postfix.delimiter", "postfix.order")
        ]
    host.good("detach", "--yes")
    assert host.files() == before
    assert host.run("status").status == 0


@pytest.mark.parametrize("steps", range(5) if LONG else (0, 2, 4))
def test_a_crash_while_more_is_attached(short_path: Path, steps: int) -> None:
    """The record is then about files that are not there yet, and detach puts back what was before both."""
    host = lived_in(short_path)
    before = host.files()
    host.good("attach", "--yes")
    words = ["--layout", "2", "--listen", "127.0.0.9:2525", "--hook", "--sign", "--yes"]
    more = ["-c", str(host.etc), "--config", str(host.config), *words]
    subprocess.run([sys.executable, "-c", KILLED, str(steps), "postfix", "attach", *more], capture_output=True, cwd="/")
    assert host.run("status").status == 1
    host.good("detach", "--yes")
    assert host.files() == before
    assert not (host.config.parent / "postfix").exists() or list(host.config.parent.glob("postfix/*/*.detached"))


def test_octets_and_blanks_of_the_host_stay(short_path: Path) -> None:
    """In a value that is joined, too: postconf would print a pattern with its blanks together."""
    host = PlainPostfix(short_path)
    with (host.etc / "main.cf").open("ab") as file:
        file.write(b"smtp_header_checks = regexp:{ { /caf\xe9  au lait/ IGNORE } }\n")
    complete(host)
    before = host.files()
    host.good("attach", "--yes", "--sign")
    assert b", regexp:{ { /caf\xe9  au lait/ IGNORE } }\n" in host.files()["main.cf"]
    host.good("detach", "--yes")
    assert host.files() == before


def test_a_record_that_others_may_write_is_not_believed(short_path: Path) -> None:
    """Whoever can write it could have root write any setting."""
    host = plain(short_path)
    host.good("attach", "--yes")
    (record,) = host.config.parent.glob("postfix/*/attached.json")
    assert record.stat().st_mode & 0o777 == 0o600
    for owner, mode in ((1, 0o600), (0, 0o620)):
        os.chown(record, owner, 0)
        record.chmod(mode)
        assert "others than root" in host.refused("detach", "--yes")
    os.chown(record, 0, 0)
    record.chmod(0o600)
    os.chown(record.parent, 1, 0)
    assert "others than root" in host.refused("detach", "--yes")


def test_files_that_change_meanwhile_are_left_alone(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the question waits for an answer, somebody else writes; and what was put in place before goes again."""
    host = plain(short_path)
    before = host.files()

    def written(options: object) -> bool:
        with (host.etc / "main.cf").open("a") as file:
            file.write("mail_name = Other\n")
        return True

    monkeypatch.setattr(showing, "agreed", written)
    done = host.run("attach")
    assert done.status == os.EX_CANTCREAT and "was changed meanwhile" in done.stderr
    assert host.files() == {**before, "main.cf": before["main.cf"] + b"mail_name = Other\n"}


def test_modes_owners_and_links_of_the_files_stay(short_path: Path) -> None:
    """A main.cf that lies elsewhere is changed there."""
    host = plain(short_path)
    elsewhere = short_path / "kept.cf"
    (host.etc / "main.cf").rename(elsewhere)
    (host.etc / "main.cf").symlink_to(elsewhere)
    os.chown(elsewhere, 0, 8)
    elsewhere.chmod(0o640)
    before = host.files()
    host.good("attach", "--yes")
    assert (host.etc / "main.cf").is_symlink()
    assert (elsewhere.stat().st_mode & 0o777, elsewhere.stat().st_gid) == (0o640, 8)
    assert b"reply_milter" in elsewhere.read_bytes()
    host.good("detach", "--yes")
    assert host.files() == before
