"""docs/operations.md, word by word: every block of commands, in its order, in one shell, as a stranger types it."""

import contextlib
import json
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from reply_milter.core.token.mint import MintedAddress
from reply_milter.wiring.stores import store_url
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_END = "END OF BLOCK\n"


class Shell:
    """The operator's one shell. A command that fails ends it."""

    def __init__(self, folder: Path) -> None:
        (folder / "bin").mkdir()
        program = folder / "bin" / "reply-milter"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reply_milter "$@"\n')
        program.chmod(0o755)
        environment = {"PATH": f"{folder / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self._process = subprocess.Popen(["sh", "-eu"], env=environment, cwd="/", **pipes)  # type: ignore[call-overload]

    def run(self, block: str) -> str:
        """What a block of commands writes; fails where one of them does."""
        self._process.stdin.write(f"{block}\necho {_END}")
        self._process.stdin.flush()
        told = ""
        for line in self._process.stdout:
            if line == _END:
                return told
            told += line
        raise AssertionError(f"{block}\nfailed: {told}")

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """With reply-milter in its PATH, and nothing set."""
    opened = Shell(tmp_path)
    yield opened
    opened.close()


def _blocks(page: str) -> list[str]:
    """The commands of a page, block by block, without the margin."""
    return [textwrap.dedent(block) for block in re.findall(r"(?m)(?:^ {4,}\S.*\n)+", page)]


def _filled_in(site: Site, minted: MintedAddress, folder: Path) -> list[str]:
    """The page's blocks, with this host's places, and with something in hand."""
    message, users = folder / "m.eml", folder / "users.csv"
    message.write_bytes(reply(minted, "page"))
    users.write_text("user,address\n43,bob@client.example\n")
    page = _PAGE.read_text()
    for written, here in {
        "/etc/reply-milter": site.config.parent,
        "/var/lib/reply-milter": site.folder / "state",
        "/var/log/reply-milter.log": site.daemon.log_path,
        "/var/backups/reply-milter.rdb": folder / "backup.rdb",
        "ADDRESS=reply+TOKEN@reply.example.com": f"ADDRESS={minted.address}",
        "CLIENT=192.0.2.1": "CLIENT=127.0.0.1",
        "MESSAGE=/tmp/message.eml": f"MESSAGE={message}",
        "USERS=/tmp/users.csv": f"USERS={users}",
        "POSTFIX=/etc/postfix": f"POSTFIX={site.postfix.folder}/etc",
        "MAIL_LOG=/var/log/mail.log": f"MAIL_LOG={site.postfix.folder}/mail.log",
        "> /tmp/mail.log": f"> {folder}/mail.log",
    }.items():
        assert written in page
        page = page.replace(written, str(here))
    return [block for block in _blocks(page) if "ACL SETUSER" not in block]  # tests/contract/test_inspection.py has it


def _write_on(site: Site, ending: threading.Event, written: list[int]) -> None:
    """Records and rewrites of the log, as they happen while a backup is made."""
    with redis.Redis.from_url(store_url(site.settings.config)) as client:
        while not ending.is_set():
            for _ in range(500):
                client.hset(f"rm1:written{len(written)}", "m", "C")
                written.append(len(written))
            with contextlib.suppress(redis.exceptions.ResponseError):  # one is on its way already
                client.bgrewriteaof()


def _run_under_load(site: Site, shell: Shell, blocks: list[str]) -> int:
    """Run ``blocks`` while the store is written to; how much was there before the last of them."""
    ending, written = threading.Event(), list[int]()
    writing = threading.Thread(target=_write_on, args=(site, ending, written))
    writing.start()
    before = 0
    try:
        for block in blocks:
            before = len(written)
            shell.run(block)
    finally:
        ending.set()
        writing.join()
    return before


def _answer(site: Site, recipient: str) -> int:
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        return client.docmd(f"RCPT TO:<{recipient}>")[0]


def test_the_page_word_by_word(fresh: Site, shell: Shell, tmp_path: Path) -> None:
    """Afterwards everything that was there at the time of the backup is there again, and nothing later."""
    fresh.configure({'mode = "enforce"': '  mode="enforce" # as a person may write it'})
    fresh.daemon.reload()
    minted = fresh.mint(recipient="alice@client.example", locator="page/1")
    assert fresh.send([f"<{minted.address}>"], reply(minted, "page")).startswith("250")
    local_part = minted.address.split("@")[0]
    shouted = f"{local_part.upper()}@reply.example.com"
    assert fresh.send([f"<{shouted}>"], reply(minted, "page, in upper case")).startswith("250")
    assert _answer(fresh, "reply+junk@reply.example.com") == 550
    fresh.settled(minted, 2)
    key = fresh.settings.keyring.minting_key(minted.token.user)
    record = f"rm1:{key.token_id(fresh.settings.config.form.token_text(local_part))}"
    *daily, restoring = _filled_in(fresh, minted, tmp_path)
    assert sum(block.count("\n") for block in daily) > 40
    written = _run_under_load(fresh, shell, daily)
    log = (fresh.postfix.folder / "mail.log").read_text()
    assert minted.address in log
    assert shouted in log
    assert local_part not in (tmp_path / "mail.log").read_text().lower()
    wait_until(lambda: _answer(fresh, "reply+junk@reply.example.com") == 250, 5, "the kill switch works")
    shell.run("reply-milter user set 44 --disabled")
    shell.run(restoring)
    fresh.daemon.stop()
    fresh.daemon.start()
    assert json.loads(shell.run("reply-milter user show 43 --json"))["addresses"] == ["bob@client.example"]
    assert json.loads(shell.run("reply-milter user show 44 --json"))["disabled"] is False, "after the backup"
    with redis.Redis.from_url(store_url(fresh.settings.config)) as client:
        assert client.exists(record)
        assert written > 1000
        assert all(client.exists(f"rm1:written{number}") for number in range(0, written, 97))
