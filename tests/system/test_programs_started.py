"""Every program that a whole daemon starts, by the interpreter's own word, while mail tries to be one."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import keeper
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import reply
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

NOTING = Path(__file__).with_name("noting_programs.py")
_PROGRAM = """#!/bin/sh
cat > /dev/null
env >> "$0.told"
"""


class NotedSite:
    """A host whose replies go to a program of the operator's."""

    def __init__(self) -> None:
        self.delivery = DeliverySite(destination='type = "command"\nargv = ["PROGRAM", "--for", "$(id)"]')
        site = self.delivery.site
        self.work = site.folder / "work"
        self.work.mkdir()
        self.work.chmod(0o777)
        self.program, self.noted, self.trap = self.work / "program", self.work / "noted", self.work / "trap"
        self.program.write_text(_PROGRAM)
        self.program.chmod(0o755)
        site.replace_in_settings("PROGRAM", str(self.program))
        runner = site.folder / NOTING.name
        runner.write_bytes(NOTING.read_bytes())
        site.daemon.program = [str(runner)]
        site.daemon.environment["NOTED"] = str(self.noted)

    def started(self) -> list[tuple[str, str, list[str]]]:
        """Event, program and arguments."""
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        return [tuple(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def noted() -> Iterator[NotedSite]:
    """After replies with commands wherever a client can write."""
    running = NotedSite()
    running.delivery.start()
    try:
        yield running
    finally:
        running.delivery.stop()


def test_a_daemon_starts_its_store_and_the_operators_program_and_nothing_else(noted: NotedSite) -> None:
    """Each with its own arguments: no word of a mail is among them, and none is run."""
    site, touch = noted.delivery.site, f"touch {noted.trap}"
    spells = [f"$({touch})", f"`{touch}`", f"; {touch} #", f"| {touch}", f"'\";{touch}\n", f"() {{ :; }}; {touch}"]
    for number, spell in enumerate(spells):
        one_line = spell.replace("\n", " ")
        minted = site.mint(locator=f"programs/{number}")
        fields = [
            f"Subject: {one_line}",
            f"X-Command: {one_line}",
            f'To: "{one_line.replace(chr(34), "")}" <x@y.example>',
        ]
        heard = site.send([f"<{minted.address}>"], reply(minted, number, *fields, body=spell))
        assert heard.startswith("250"), heard
        refused = site.send([f'<"reply+{touch}"@{minted.address.partition("@")[2]}>'], b"x")
        assert refused.startswith("5"), refused
    told = noted.program.with_name("program.told")
    wait_until(lambda: told.exists() and told.read_text().count("REPLY_ID=") == len(spells), 30, "all were handed over")
    known = {
        "redis-server": [str(site.folder / "state" / "redis" / "redis.conf")],
        Path(sys.executable).name: ["-I", "-S", keeper.__file__, "FD", str(noted.program), "--for", "$(id)"],
    }
    for event, program, arguments in noted.started():
        assert event in ("subprocess.Popen", "os.exec"), (event, program)
        plain = ["FD" if argument.isdigit() else argument for argument in arguments[1:]]
        assert known.get(Path(program).name) == plain, (event, program, arguments)
    names = [Path(program).name for _, program, _ in noted.started()]
    assert (names.count("redis-server"), names.count(Path(sys.executable).name)) == (1, len(spells))
    assert not noted.trap.exists()


def test_a_programs_environment_is_what_we_made_of_it(noted: NotedSite) -> None:
    """The verdict's words and a path; nothing of the daemon's own environment, and no text of the mail."""
    told = noted.program.with_name("program.told").read_text()
    names = {line.partition("=")[0] for line in told.splitlines() if "=" in line}
    assert {name for name in names if not name.startswith("REPLY_")} <= {"PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"}
    assert "touch" not in told
