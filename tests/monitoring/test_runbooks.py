"""Every command of the runbooks and of docs/monitoring.md is run, unchanged."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.monitoring.monitored_site import MonitoredSite
from tests.monitoring.prometheus_under_test import ROOT
from tests.support.hosts.site_under_test import reply

pytestmark = [pytest.mark.system, pytest.mark.monitoring]

_PAGES = sorted((ROOT / "docs" / "runbooks").glob("[a-z]*.md"))
_INDENTED = re.compile(r"(?m)^ {4}(\S.*)$")
_SETTINGS = re.compile(r"\[[a-z.]+\]|[a-z_]+ = .*")  # TOML
_NOTHING_FOUND = 1  # by grep; and what check says of a message that is refused
_RECIPIENT_REFUSED = 24  # by swaks


@pytest.fixture(scope="package")
def environment(monitored: MonitoredSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the pages take as given."""
    folder = tmp_path_factory.mktemp("runbooks")
    program = folder / "reply-milter"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reply_milter "$@"\n')
    program.chmod(0o755)
    minted = monitored.site.mint(locator="runbook/1")
    message = folder / "message.eml"
    message.write_bytes(reply(minted, "runbook"))
    return {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}:/usr/sbin",
        "REPLY_MILTER_CONFIG": str(monitored.site.config),
        "MAIL_CONFIG": str(monitored.site.postfix.folder / "etc"),
        "LOG": str(monitored.site.daemon.log_path),
        "STATE_DIR": str(monitored.site.folder / "state"),
        "DAEMON_PID": str(monitored.site.daemon.pid),
        "ADDRESS": minted.address,
        "MESSAGE": str(message),
    }


def _here(monitored: MonitoredSite, command: str, folder: Path) -> str:
    """With the ports of this host, and a folder in place of the machine's own."""
    command = command.replace("127.0.0.1:9797", f"127.0.0.1:{monitored.site.metrics_port}")
    command = command.replace("127.0.0.1:25", f"127.0.0.1:{monitored.site.mta.port}")
    command = command.replace("/etc/postfix", str(monitored.site.postfix.folder / "etc"))
    return re.sub(r"(?<= )(/etc|/var/lib)/(?=prometheus|grafana)", rf"{folder}\1/", command)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_commands_of_a_runbook_work(
    monitored: MonitoredSite, environment: dict[str, str], tmp_path: Path, page: Path
) -> None:
    """None fails; to find nothing is no failure."""
    commands = [line for line in _INDENTED.findall(page.read_text(encoding="utf-8")) if not _SETTINGS.fullmatch(line)]
    assert commands
    for command in commands:
        done = subprocess.run(
            ["sh", "-uc", _here(monitored, command, tmp_path)],
            capture_output=True, env=environment, cwd=tmp_path, text=True, timeout=30,
        )  # fmt: skip
        refused = _RECIPIENT_REFUSED if command.startswith("swaks") else _NOTHING_FOUND
        assert done.returncode in (0, refused), (command, done.stdout, done.stderr)
        assert "not found" not in done.stderr, (command, done.stderr)
        assert not re.match(r"(ERR|NOAUTH|Could not connect)", done.stdout), (command, done.stdout)


def test_commands_that_attach_prometheus_and_grafana_work(monitored: MonitoredSite, tmp_path: Path) -> None:
    """Of docs/monitoring.md, from the project's folder."""
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    commands = [line for line in _INDENTED.findall(text) if re.match(r"(curl|install|promtool) ", line)]
    assert len(commands) == 7
    for folder in ("etc/grafana/provisioning/dashboards", "etc/prometheus", "var/lib/grafana"):
        (tmp_path / folder).mkdir(parents=True)
    for command in commands:
        subprocess.run(["sh", "-euc", _here(monitored, command, tmp_path)], check=True, cwd=ROOT, capture_output=True)
    assert (tmp_path / "var/lib/grafana/dashboards/reply-milter/reply-milter.json").exists()
