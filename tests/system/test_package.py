"""The Debian package: what is in it, and what becomes of a machine on which it is installed, upgraded and purged."""

import json
import os
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.machine import Machine
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.engine import ENGINE
from tests.system.package_under_test import ROOT, machine, package

pytestmark = pytest.mark.system

INSTALL = ("apt-get", "-q", "-y", "--no-install-recommends", "install")
SERVICE = "reply-milter.service"
# make deb-test runs these, too: each takes as long as all others together.
long = pytest.mark.skipif(not os.environ.get("REPLY_MILTER_LONG"), reason="the long form: make deb-test")


@pytest.fixture(scope="module")
def installed() -> Iterator[Machine]:
    """A machine on which the package was just installed, and nothing else was done."""
    host = machine()
    try:
        host.good(*INSTALL, str(package()), DEBIAN_FRONTEND="noninteractive")
        yield host
    finally:
        host.stop()


@pytest.fixture
def running(installed: Machine) -> Machine:
    """The same, with the package configured, and the daemon running as it is installed."""
    if installed.run("test", "-e", "/etc/reply-milter/reply-milter.toml").returncode:
        installed.good("reply-milter", "init", "/etc/reply-milter", "--domain", "reply.example.com")
    edits = f's/^settle_ms = .*/settle_ms = 200/; s/^engine = "[a-z]*"/engine = "{ENGINE}"/'
    installed.good("sed", "-i", edits, "/etc/reply-milter/reply-milter.toml")
    installed.good("systemctl", "enable", SERVICE)
    installed.good("systemctl", "restart", SERVICE)
    return installed


def _property(host: Machine, name: str) -> str:
    return host.good("systemctl", "show", "--property", name, "--value", SERVICE).strip()


def _journal(host: Machine, *options: str) -> str:
    """What the daemon wrote to it so far."""
    host.good("journalctl", "--sync")
    return host.good("journalctl", "-u", SERVICE, "--no-pager", *options)


def _is_active(host: Machine) -> bool:
    return host.run("systemctl", "is-active", SERVICE).stdout.strip() == "active"


# What is in it.


def test_the_package_names_what_it_needs() -> None:
    """libmilter and the interpreter of its environment; Redis and an MTA are recommended and suggested."""
    fields = subprocess.run(["dpkg-deb", "--field", package()], capture_output=True, text=True, check=True).stdout
    told = dict(line.split(": ", 1) for line in fields.splitlines() if re.match(r"[A-Z][\w-]+: ", line))
    version = re.search(r'(?m)^version = "(.*)"', (ROOT / "pyproject.toml").read_text())
    assert version is not None
    assert (told["Package"], told["Version"]) == ("reply-milter", version[1])
    assert {"libmilter1.0.1", "python3.11"} <= {word.split()[0] for word in told["Depends"].split(", ")}
    assert "sysusers" in told["Depends"]
    assert "debconf" in told["Depends"], "for the question of apt-get remove"
    assert told["Recommends"].startswith("redis-server")
    assert told["Suggests"] == "postfix | sendmail"


def _extracted(folder: Path) -> Path:
    subprocess.run(["dpkg-deb", "--raw-extract", package(), folder / "x"], check=True)
    return folder / "x"


def test_the_package_holds_what_the_pages_point_to(tmp_path: Path) -> None:
    """Fragments and examples, rules and provisioning, vectors, pictures; each by its name in the documentation."""
    found = _extracted(tmp_path)
    pages = found / "opt/reply-milter/share/reply-milter"
    listed = subprocess.run(
        ["git", "ls-files", "contrib", "docs", "grafana"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    of_the_build = ("contrib/debian/package/", "contrib/debian/build-deb", "contrib/debian/install-missing")
    names = [name for name in listed.stdout.split() if not name.startswith(of_the_build) and not name.endswith(".py")]
    assert len(names) > 100
    assert [name for name in names if not (pages / name).exists() or _differs(ROOT / name, pages / name)] == []
    assert (pages / "tests/vectors/token.json").exists()
    assert os.access(pages / "contrib/sendmail/to-maildir", os.X_OK)
    documentation = found / "usr/share/doc/reply-milter"
    for top in pages.iterdir():
        assert os.readlink(documentation / top.name) == f"/opt/reply-milter/share/reply-milter/{top.name}"
    assert os.readlink(documentation / "examples") == "/opt/reply-milter/share/reply-milter/contrib"


def _differs(file: Path, copy: Path) -> bool:
    return file.read_bytes() != copy.read_bytes()


def test_bash_completes_its_commands(installed: Machine) -> None:
    """With Debian's bash-completion, which finds the file by the name of the command."""
    ask = """
        . /usr/share/bash-completion/bash_completion
        _completion_loader reply-milter || [ $? = 124 ]
        COMP_WORDS=(reply-milter keys pro) COMP_CWORD=2
        _reply_milter
        echo "${COMPREPLY[@]}"
    """
    assert installed.good("bash", "-ec", ask) == "promote\n"
    assert installed.good("reply-milter", "completion") == installed.good(
        "cat", "/usr/share/bash-completion/completions/reply-milter"
    )


def test_the_package_has_no_conffiles_and_no_path_of_its_making(tmp_path: Path) -> None:
    """Nothing under /etc, so nothing to ask about; the place where it was built is in no file."""
    _extracted(tmp_path)
    assert not (tmp_path / "x/DEBIAN/conffiles").exists()
    assert not (tmp_path / "x/etc").exists()
    tops = {str(path.relative_to(tmp_path / "x")) for path in (tmp_path / "x").glob("*/*")} - {"DEBIAN"}
    assert {top for top in tops if not top.startswith("DEBIAN")} == {
        "opt/reply-milter", "lib/systemd", "usr/bin", "usr/lib", "usr/share"
    }  # fmt: skip
    made_here = subprocess.run(["grep", "-rlF", str(ROOT), tmp_path / "x"], capture_output=True, text=True)
    assert made_here.stdout == ""


# What becomes of a machine.


def test_installing_starts_and_enables_nothing(installed: Machine) -> None:
    """A user, two folders, and no daemon, no configuration, no change of Postfix."""
    assert installed.run("systemctl", "is-enabled", SERVICE).stdout.strip() == "disabled"
    assert not _is_active(installed)
    assert installed.run("test", "-e", "/etc/reply-milter").returncode == 1
    account = installed.good("getent", "passwd", "reply-milter").strip().split(":")
    assert account[5:] == ["/var/lib/reply-milter", "/usr/sbin/nologin"]
    told = installed.good("stat", "-c", "%a %U %G", "/var/spool/postfix/reply-milter", "/var/lib/reply-milter")
    assert told.splitlines() == ["2750 reply-milter postfix", "700 reply-milter reply-milter"]
    assert installed.good("reply-milter", "--version").startswith("reply-milter ")
    assert "reply-milter" not in installed.good("postconf", "-n")


def test_the_unit_is_without_fault(installed: Machine) -> None:
    """systemd-analyze verify has nothing to say, man pages and programs included; exposure is 2.0 at most."""
    done = installed.run("systemd-analyze", "verify", SERVICE)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    done = installed.run("systemd-analyze", "security", "--offline=true", "--threshold=20", SERVICE)
    assert done.returncode == 0, done.stdout.splitlines()[-1]
    for page in ("reply-milter", "reply-milter.toml"):
        assert len(installed.good("man", page)) > 1000


@long
def test_users_are_exported_by_a_timer(installed: Machine) -> None:
    """As the page says, under confinement: from a database, into a file that the daemon alone reads."""
    installed.good("mkdir", "-p", "/etc/reply-milter", "/srv/git")
    tables = """
        CREATE TABLE user (id INTEGER, type INTEGER, email TEXT, rands TEXT, is_active INTEGER, prohibit_login INTEGER);
        CREATE TABLE email_address (id INTEGER, uid INTEGER, email TEXT, is_activated INTEGER);
        INSERT INTO user VALUES (42, 0, 'jane@example.net', '0123456789', 1, 0);
    """
    installed.good("sqlite3", "/srv/git/gitea.db", tables)
    told = "APPLICATION=gitea\nDATABASE=sqlite\nOPTIONS=-nullvalue NULL /srv/git/gitea.db\n"
    installed.write("/etc/reply-milter/users-gitea.env", told)
    installed.good("chmod", "0600", "/etc/reply-milter/users-gitea.env")
    installed.good("systemctl", "enable", "--now", "reply-milter-users@gitea.timer")
    file = "/var/lib/reply-milter/native/gitea.jsonl"
    wait_until(lambda: installed.run("test", "-s", file).returncode == 0, 30, "the file is there")
    assert installed.good("stat", "-c", "%a %U %G", file) == "600 reply-milter reply-milter\n"
    assert json.loads(installed.good("cat", file))["addresses"] == ["jane@example.net"]
    installed.good("sqlite3", "/srv/git/gitea.db", "UPDATE user SET rands = 'changed'")
    wait_until(lambda: "changed" in installed.good("cat", file), 40, "the timer ran once more")
    installed.good("sqlite3", "/srv/git/gitea.db", "DROP TABLE user")
    installed.run("systemctl", "start", "reply-milter-users@gitea.service")
    installed.good("journalctl", "--sync")
    journal = installed.good("journalctl", "-u", "reply-milter-users@gitea.service", "--no-pager")
    assert "stays as it is" in journal and "Finished" not in journal
    assert "changed" in installed.good("cat", file)
    _stops_with_the_package(installed, "reply-milter-users@gitea.timer")
    installed.good("systemctl", "disable", "--now", "reply-milter-users@gitea.timer")
    installed.good("rm", "-r", "/etc/reply-milter", "/var/lib/reply-milter/native")


def _stops_with_the_package(host: Machine, timer: str) -> None:
    """It was enabled, so it goes on when the package is there again."""
    _removed(host)
    assert host.run("systemctl", "is-active", timer).stdout != "active\n"
    host.good(*INSTALL, str(package()), DEBIAN_FRONTEND="noninteractive")
    assert host.run("systemctl", "is-active", timer).stdout == "active\n"


@long
def test_a_purge_of_what_was_never_configured_leaves_nothing(installed: Machine) -> None:
    """Not even an empty folder."""
    installed.good("mkdir", "/etc/reply-milter")
    installed.good("apt-get", "-q", "-y", "purge", "reply-milter")
    assert _left(installed) == []
    installed.good(*INSTALL, str(package()))


# The daemon under systemd, in its confinement.


def test_systemd_knows_its_state(running: Machine) -> None:
    """systemd gets a status when ready, and after a reload of every worker; a bad file is reported without harm."""
    assert _property(running, "StatusText") == "answering on unix:/var/spool/postfix/reply-milter/verify.sock"
    running.good("systemctl", "reload", SERVICE)
    wait_until(lambda: "reloaded" in _journal(running) and _is_active(running), 5, "every worker has reloaded")
    running.good("sed", "-i", "s/^settle_ms = .*/settle_ms = -1/", "/etc/reply-milter/reply-milter.toml")
    assert running.run("systemctl", "reload", SERVICE).returncode == 1
    lines = [json.loads(line) for line in _journal(running, "-o", "json").splitlines()]
    (checked,) = [entry for entry in lines if "settle_ms" in str(entry["MESSAGE"])]
    assert re.fullmatch(
        r"reply-milter: /etc/reply-milter/reply-milter.toml:\d+: replay.settle_ms: must be .*", checked["MESSAGE"]
    )
    assert checked["PRIORITY"] == "3"
    assert _is_active(running) and "the old settings" not in _property(running, "StatusText")
    running.good("systemctl", "kill", "--kill-whom=main", "-s", "HUP", SERVICE)
    wait_until(lambda: "the old settings stay" in _property(running, "StatusText"), 5, "the mistake shows")
    lines = _journal(running, "-o", "json").splitlines()
    mistakes = [entry for entry in map(json.loads, lines) if "not reloaded" in str(entry["MESSAGE"])]
    assert [(entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) for entry in mistakes] == [("3", "reply-milter")]
    assert mistakes[0]["MESSAGE"].startswith("not reloaded") and "settle_ms" in mistakes[0]["MESSAGE"]
    edits = "s/^settle_ms = .*/settle_ms = 200/; s/^# \\[sign]/[sign]/"
    running.good("sed", "-i", edits, "/etc/reply-milter/reply-milter.toml")
    running.good("systemctl", "reload", SERVICE)
    wait_until(lambda: "; restart to apply: sign" in _property(running, "StatusText"), 5, "what waits is named")
    running.good("sed", "-i", "s/^\\[sign]/# [sign]/", "/etc/reply-milter/reply-milter.toml")
    running.good("systemctl", "reload", SERVICE)
    wait_until(lambda: "restart" not in _property(running, "StatusText"), 5, "nothing waits any more")
    running.good("systemctl", "stop", SERVICE)
    assert _property(running, "Result") == "success"


def test_it_is_confined(running: Machine) -> None:
    """No capability, no new privileges, a filter on system calls: for the workers and the embedded store, too."""
    pids = running.good("sh", "-c", f"cat /sys/fs/cgroup/*/system.slice/{SERVICE}/cgroup.procs | sort -u").split()
    assert len(pids) >= 4
    programs = set()
    for pid in pids:
        status = dict(line.split(":", 1) for line in running.good("cat", f"/proc/{pid}/status").splitlines())
        found = {name: status[name].strip() for name in ("NoNewPrivs", "Seccomp", "CapBnd", "CapEff")}
        assert found == {"NoNewPrivs": "1", "Seccomp": "2", "CapBnd": "0" * 16, "CapEff": "0" * 16}
        programs.add(status["Name"].strip())
    assert {"redis-server", "reply-milter"} <= programs
    limits = running.good("cat", f"/proc/{_property(running, 'MainPID')}/limits")
    most = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # a machine in a machine can't have more
    assert re.search(rf"Max open files +{most} +{most} ", limits), limits


def test_a_worker_that_hangs_has_it_restarted(running: Machine) -> None:
    """The watchdog; and a daemon that was killed is back in a moment."""
    running.sh(f"mkdir -p /etc/systemd/system/{SERVICE}.d")
    running.write(f"/etc/systemd/system/{SERVICE}.d/watchdog.conf", "[Service]\nWatchdogSec=2s\n")
    running.good("systemctl", "daemon-reload")
    running.good("systemctl", "restart", SERVICE)
    first = _property(running, "MainPID")
    workers = running.good("pgrep", "-P", first, "-x", "reply-milter").split()
    running.good("kill", "-STOP", workers[0])
    wait_until(lambda: _property(running, "NRestarts") == "1" and _is_active(running), 20, "it was restarted")
    assert _property(running, "MainPID") != first
    running.good("kill", "-KILL", _property(running, "MainPID"))
    wait_until(lambda: _property(running, "NRestarts") == "2" and _is_active(running), 20, "it was restarted again")
    running.good("reply-milter", "doctor")
    running.good("systemctl", "revert", SERVICE)


def test_a_mistake_in_the_configuration_is_no_loop(running: Machine) -> None:
    """Exit status 78: the service has failed, and says why; it is not started again and again."""
    running.good("systemctl", "stop", SERVICE)
    running.good("sed", "-i", "s/^settle_ms = .*/settle_ms = -1/", "/etc/reply-milter/reply-milter.toml")
    assert running.run("systemctl", "start", SERVICE).returncode == 1
    assert _property(running, "ActiveState") == "failed"
    assert (_property(running, "ExecMainStatus"), _property(running, "NRestarts")) == ("78", "0")
    assert "replay.settle_ms: must be between" in _journal(running)


@long
def test_it_is_configured_started_upgraded_removed_and_purged(running: Machine, tmp_path: Path) -> None:
    """An upgrade restarts it and keeps everything; so does a removal, but for the daemon; a purge leaves the keys."""
    keys = running.good("cat", "/etc/reply-milter/keys.toml")
    assert _is_active(running)
    first = _property(running, "MainPID")
    newer = _newer(tmp_path)
    running.good("dpkg", "--install", _handed_over(running, newer))
    wait_until(lambda: _is_active(running) and _property(running, "MainPID") != first, 20, "the new one runs")
    assert running.good("dpkg-query", "-W", "-f", "${Version}", "reply-milter") == "99.0"
    assert running.good("cat", "/etc/reply-milter/keys.toml") == keys
    running.good("reply-milter", "doctor")

    running.good("apt-get", "-q", "-y", "remove", "reply-milter")
    assert not _is_active(running)
    assert running.good("cat", "/etc/reply-milter/keys.toml") == keys
    assert running.run("test", "-d", "/var/lib/reply-milter/redis").returncode == 0
    running.good(*INSTALL, str(package()))
    wait_until(lambda: _is_active(running), 20, "it was enabled, so it runs again")

    _purge_that_keeps_mail(running)
    assert _left(running) == ["/etc/reply-milter", "/etc/reply-milter/reply-milter.toml", "/var/lib/reply-milter"]
    assert running.run("getent", "passwd", "reply-milter").returncode == 0
    assert running.good("cat", "/etc/reply-milter/keys.toml") == keys
    assert running.good("stat", "-c", "%U %a", "/etc/reply-milter/keys.toml").split() == ["reply-milter", "600"]

    running.good(*INSTALL, str(package()))
    running.good("systemctl", "enable", "--now", SERVICE)
    running.sh("until reply-milter doctor --json | grep -q store.lost; do sleep 0.2; done")
    assert "1 warning" in running.run("reply-milter", "doctor").stdout, "the store was deleted; all else is well"
    _purge_that_keeps_nothing(running)


def _purge_that_keeps_nothing(host: Machine) -> None:
    host.good("apt-get", "-q", "-y", "remove", "reply-milter")
    host.good("rm", "-r", "/etc/reply-milter", "/var/lib/reply-milter")
    host.good("apt-get", "-q", "-y", "purge", "reply-milter")
    assert _left(host) == []
    assert host.run("getent", "passwd", "reply-milter").returncode == 2
    assert host.run("getent", "group", "reply-milter").returncode == 2
    host.good(*INSTALL, str(package()))


ATTACHED = {"smtpd_milters": "unix:reply-milter/verify.sock", "milter_default_action": "tempfail"}


@pytest.fixture
def attached(installed: Machine) -> Iterator[Machine]:
    """Postfix asks the milter, as with fragments that were appended by hand."""
    installed.good("postconf", "-e", *(f"{name} = {value}" for name, value in ATTACHED.items()))
    yield installed
    installed.good("postconf", "-X", *ATTACHED)
    installed.good(*INSTALL, str(package()), DEBIAN_FRONTEND="noninteractive")


def _removed(host: Machine) -> str:
    done = host.run("apt-get", "-q", "-y", "remove", "reply-milter", DEBIAN_FRONTEND="noninteractive")
    assert done.returncode == 0, done.stderr
    assert host.run("test", "-e", "/opt/reply-milter").returncode == 1
    return done.stdout + done.stderr


def test_removing_it_while_postfix_asks_it_is_told_and_done(attached: Machine) -> None:
    """Nobody is there to ask: Postfix stays as it is, and mail waits at its senders."""
    told = _removed(attached)
    assert told.count("WARNING: Postfix still asks this milter") == 1
    assert "`reply-milter postfix detach` undoes" in told
    assert attached.good("postconf", "-h", "smtpd_milters").strip() == ATTACHED["smtpd_milters"]


def test_removing_it_from_a_service_of_its_own_is_told(installed: Machine) -> None:
    """The second layout has nothing in main.cf that names it."""
    installed.good("postconf", "-P", "smtp/inet/smtpd_milters=$reply_milter")
    try:
        assert "WARNING: Postfix still asks this milter" in _removed(installed)
    finally:
        installed.good("postconf", "-PX", "smtp/inet/smtpd_milters")
        installed.good(*INSTALL, str(package()), DEBIAN_FRONTEND="noninteractive")


def test_removing_it_where_nothing_asks_it_says_nothing(installed: Machine) -> None:
    """The question is for those whom it concerns."""
    assert "WARNING" not in _removed(installed)
    installed.good(*INSTALL, str(package()), DEBIAN_FRONTEND="noninteractive")


# `postfix status` and `postfix detach` by their exit status alone; test_attach has what they do.
_COMMAND = """#!/bin/sh
echo "$@" >> /root/asked
[ "$1 $2" != "postfix status" ] || exit 1
"""


def test_who_says_yes_is_detached(installed: Machine) -> None:
    """Before the program goes."""
    installed.write("/opt/reply-milter/bin/reply-milter", _COMMAND)
    installed.good("debconf-set-selections", given="reply-milter reply-milter/detach boolean true\n")
    try:
        assert "WARNING" not in _removed(installed)
        assert installed.good("cat", "/root/asked").splitlines()[-1] == "postfix detach --yes"
    finally:
        installed.good("debconf-set-selections", given="reply-milter reply-milter/detach boolean false\n")
        installed.good(*INSTALL, str(package()), DEBIAN_FRONTEND="noninteractive")


def _purge_that_keeps_mail(host: Machine) -> None:
    """What the hook keeps stays, whose it was, and is named; the embedded store and the metrics go."""
    state = "/var/lib/reply-milter"
    host.sh(f"cd {state} && mkdir dead-letters delivery && touch dead-letters/a.eml delivery/deliveries.sqlite")
    host.sh(f"chown -R reply-milter: {state}/dead-letters {state}/delivery")
    done = host.run("apt-get", "-q", "-y", "purge", "reply-milter")
    told = done.stdout + done.stderr
    assert done.returncode == 0
    assert "kept /etc/reply-milter, which holds your keys" in told
    assert f"kept {state}/dead-letters, which holds replies that nobody took" in told
    assert f"kept {state}/delivery, which holds replies that wait" in told
    assert f"kept {state}, which holds the revocations of this host" in told
    assert "kept the user and the group reply-milter" in told
    assert host.sh(f"cd {state} && stat -c '%U %n' . * */*").splitlines() == [
        f"reply-milter {name}"
        for name in (
            ".",
            "dead-letters",
            "delivery",
            "store-marks.json",
            "dead-letters/a.eml",
            "delivery/deliveries.sqlite",
        )
    ]
    host.good("rm", "-r", f"{state}/dead-letters", f"{state}/delivery")


def _left(host: Machine) -> list[str]:
    """What bears our name where packages and daemons put things; logs and man's cache are others'."""
    found = host.sh("find /etc /opt /usr /lib /var /run -xdev -name '*reply-milter*' | sort").splitlines()
    return [path for path in found if not path.startswith(("/var/log/", "/var/cache/man/", str(ROOT)))]


def _newer(folder: Path) -> Path:
    """The same package under a later version."""
    subprocess.run(["dpkg-deb", "--raw-extract", package(), folder / "newer"], check=True)
    control = folder / "newer/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99.0", control.read_text()))
    (folder / "newer.deb").unlink(missing_ok=True)
    subprocess.run(
        ["dpkg-deb", "-Znone", "--root-owner-group", "--build", folder / "newer", folder / "newer.deb"], check=True
    )
    return folder / "newer.deb"


def _handed_over(host: Machine, file: Path) -> str:
    """The file's place in the machine."""
    host.put(file, f"/root/{file.name}")
    return f"/root/{file.name}"
