"""Pages for newcomers, word by word: each command of the quick start, of by-hand.md, of contrib/postfix and systemd."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.machine import Machine
from tests.system.package_under_test import ROOT, machine, package
from tests.system.page_commands import commands_of, until_refused

pytestmark = pytest.mark.system


@pytest.fixture
def host() -> Iterator[Machine]:
    """A machine with Debian's Postfix running."""
    found = machine()
    try:
        found.good("systemctl", "start", "postfix")
        yield found
    finally:
        found.stop()


def test_the_quick_start(host: Machine) -> None:
    """From an untouched machine to a sealed reply, and back. test_bare_debian runs what comes before the package."""
    commands = commands_of(ROOT / "docs/quick-start.md")
    assert len(commands) == 23
    commands = commands[commands.index("make deb") + 1 :]
    host.put(package(), f"/root/{package().name}")
    host.sh("cd /root; mkdir dist; mv *.deb dist")
    before = host.sh("cat /etc/postfix/main.cf /etc/postfix/master.cf")
    undo = commands.index("reply-milter postfix detach")
    steps = _steps(host, commands[:undo])
    assert "attached; Postfix has reloaded them" in steps["reply-milter postfix attach"]
    assert "Active: active (running)" in steps["systemctl status --no-pager reply-milter"]
    assert "0 errors, 0 warnings" in steps["reply-milter doctor --postfix /etc/postfix"]
    refused = next(text for name, text in steps.items() if "hello" in name)
    assert "<** 550 5.7.1 This reply address is not valid" in refused
    verdict = steps["reply-milter verify-header /var/mail/replies/new/*"]
    assert '"result": "pass"' in verdict
    assert '"user": "42"' in verdict
    assert '"locator": "shop/issue/1"' in verdict
    assert "verdict=accept" in steps["journalctl --no-pager -u reply-milter"]
    why = steps["reply-milter why 127.0.0.1"]
    assert "RCPT: refused (malformed)" in why
    assert "The client heard: 550 5.7.1 This reply address is not valid" in why
    live = host.good("reply-milter", "top", "--once", "--interval", "0.5")
    assert "\nready\n" in live and " malformed " in live and " accept " in live
    steps = _steps(host, commands[undo:])
    assert "nothing of ours is attached" in steps["reply-milter postfix status"]
    assert "WARNING" not in steps["apt-get purge reply-milter"]
    assert host.sh("cat /etc/postfix/main.cf /etc/postfix/master.cf") == before


def _steps(host: Machine, commands: list[str]) -> dict[str, str]:
    """Run commands in one shell, with a yes to each question; return what each printed."""
    script = ["cd /root"]
    for command in commands:
        script += [f"echo '==> '{_quoted(command)}", until_refused(command) if "--quit-after" in command else command]
    text = "\n".join(script).replace("apt-get install", "apt-get -y --no-install-recommends install")
    text = text.replace("\napt-get purge", "\napt-get -y purge")
    told = host.sh(re.sub(r"(?m)^(reply-milter postfix (?:at|de)tach.*)", r"\1 --yes", text))
    return dict(part.split("\n", 1) for part in told.split("==> ")[1:])


def _quoted(command: str) -> str:
    return "'" + command.replace("'", "'\\''") + "'"


@pytest.fixture
def program(host: Machine) -> Machine:
    """The same, with the program under /opt/reply-milter, and nothing else of the package."""
    host.put(package(), "/root/package.deb")
    host.sh("dpkg-deb -x /root/package.deb /root/x; mv /root/x/opt/reply-milter /opt/")
    return host


def test_by_hand(program: Machine) -> None:
    """Its lines after those that bring the program; then the daemon runs as its user, where Postfix gets at it."""
    commands = [line[4:] for line in (ROOT / "docs/by-hand.md").read_text().splitlines() if _BY_HAND.match(line)]
    assert len(commands) == 5
    program.sh("\n".join(commands))
    program.good("systemd-run", "--uid=reply-milter", "--unit=by-hand", "/opt/reply-milter/bin/reply-milter", "run")
    program.sh("until [ -S /var/spool/postfix/reply-milter/verify.sock ]; do sleep 0.1; done")
    program.good("reply-milter", "doctor")


_BY_HAND = re.compile(r" {4}(useradd|install|chown|ln -s|reply-milter init) ")


def test_contrib_postfix_and_contrib_systemd(program: Machine) -> None:
    """The unit without a package; then the steps for Postfix, with the fragments of the first layout between them."""
    *unit, start = commands_of(ROOT / "contrib/systemd/README.md")
    assert start == "systemctl enable --now reply-milter"
    program.sh("\n".join([f"cd {ROOT}/contrib/systemd", *unit]))
    program.sh("ln -s /opt/reply-milter/bin/reply-milter /usr/bin/")
    program.good("reply-milter", "init", "/etc/reply-milter", "--domain", "reply.example.com")
    program.sh(f"chown reply-milter: /etc/reply-milter/*.toml /etc/reply-milter/seal.key; {start}")
    folder, check, doctor, ask = commands_of(ROOT / "contrib/postfix/README.md")
    assert folder.startswith("install -d -m 2750")
    append = f"""cd {ROOT}/contrib/postfix
        cat reply-domain.main.cf shared-smtpd.main.cf >> /etc/postfix/main.cf
        cat reply-delivery.master.cf >> /etc/postfix/master.cf"""
    program.sh("\n".join([folder, append, check]))
    assert "0 errors, 0 warnings" in program.sh(doctor)
    assert "<** 550 5.7.1 This reply address is not valid" in program.sh(f"cd /root; {until_refused(ask)}")


def test_the_rotation_of_mail_log(tmp_path: Path) -> None:
    """contrib/debian/mail-log.logrotate is read without a complaint, and keeps a week."""
    log = tmp_path / "mail.log"
    log.write_text("a line\n")
    rule = tmp_path / "rule"
    text = (ROOT / "contrib/debian/mail-log.logrotate").read_text()
    rule.write_text(text.replace("/var/log/mail.log {", f"{log} {{").replace("create 0640 root adm", "create 0640"))
    done = subprocess.run(["logrotate", "--debug", "--state", tmp_path / "state", rule], capture_output=True, text=True)
    assert done.returncode == 0
    assert "error" not in done.stderr
    assert "after 1 days (7 rotations)" in done.stderr
