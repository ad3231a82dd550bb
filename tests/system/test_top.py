"""``top`` and ``why`` beside a real daemon behind a real Postfix: counts, decisions, a terminal that is given back."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.site_under_test import Site, reply

pytestmark = pytest.mark.system
_ROWS, _COLUMNS = 30, 100


@pytest.fixture(scope="module")
def busy(site: Site) -> Site:
    """A host that took a reply and refused an address."""
    minted = site.mint(recipient="alice@client.example", locator="top/1")
    assert site.send([f"<{minted.address}>"], reply(minted, "top")).startswith("250")
    assert site.send(["<reply+junk@reply.example.com>"], b"").startswith("550")
    site.settled(minted, 1)
    return site


def command(site: Site, *words: str) -> list[str]:
    """A command about the site's log."""
    return [sys.executable, "-m", "reply_milter", *words, "--log", str(site.daemon.log_path)]


def _config(site: Site) -> list[str]:
    return ["--config", str(site.config)]


def test_once_says_what_there_is(busy: Site) -> None:
    """For a program, and for a script without a terminal."""
    words = [*command(busy, "top", "--json", "--interval", "0.5"), *_config(busy)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["answers"], told["problems"], told["enforcing"], told["store_up"]) == (True, [], True, True)
    assert told["since_start"]["verdicts"]["accept"] >= 1 and told["since_start"]["verdicts"]["reject"] >= 1
    assert {one["reason"] for one in told["decisions"]} >= {"ok", "malformed"}
    page = subprocess.run([word for word in words if word != "--json"], capture_output=True, text=True, check=True)
    assert "\nready\n" in page.stdout and "\x1b" not in page.stdout
    assert "malformed" in page.stdout.split("TIME")[1]


def test_why_explains_what_postfix_logged(busy: Site) -> None:
    """By the client of a refusal, and by the queue id of what was taken."""
    refused = subprocess.run(command(busy, "why", "127.0.0.1"), capture_output=True, text=True, check=True).stdout
    assert "RCPT: refused (malformed)" in refused
    (accepted,) = (line for line in busy.daemon.log().splitlines() if "message queue=" in line and "reason=ok" in line)
    queue = accepted.split("queue=")[1].split()[0]
    assert queue in (busy.postfix.folder / "mail.log").read_text()
    told = subprocess.run(command(busy, "why", queue), capture_output=True, text=True, check=True).stdout
    assert "End of message: accepted (ok)" in told


def test_a_daemon_that_is_down_is_told(busy: Site, tmp_path: Path) -> None:
    """By the exit status, too."""
    config = tmp_path / "etc" / "reply-milter.toml"
    subprocess.run([sys.executable, "-m", "reply_milter", "init", str(config.parent), "--domain", "x.test"], check=True)
    config.write_text(config.read_text().replace("127.0.0.1:9797", "127.0.0.1:1"))
    words = command(busy, "top", "--once", "--interval", "0.5", "--config", str(config))
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == os.EX_UNAVAILABLE
    assert "NOT READY  127.0.0.1:1: nothing listens there: does the daemon run?" in done.stdout


class OnTerminal:
    """``top`` on a terminal."""

    def __init__(self, site: Site) -> None:
        self.ours, self.theirs = os.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        environment = {**os.environ, "TERM": "xterm"}
        words = [*command(site, "top", "--interval", "0.5"), *_config(site)]
        self.running = subprocess.Popen(
            words, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, env=environment, start_new_session=True
        )
        self.text = ""

    def until(self, words: str) -> str:
        """Read until ``words`` were shown; return everything."""
        deadline = time.monotonic() + 30
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            self.text += os.read(self.ours, 1 << 16).decode()
        return self.text

    def ended(self) -> bool:
        """Whether it ended well, and gave the terminal back as it was."""
        self.until("\x1b[?1049l")
        return self.running.wait(10) == 0 and termios.tcgetattr(self.theirs) == self.before


@pytest.fixture
def screen(busy: Site) -> Iterator[OnTerminal]:
    """A running one."""
    opened = OnTerminal(busy)
    yield opened
    opened.running.kill()
    opened.running.wait()
    os.close(opened.ours)
    os.close(opened.theirs)


def test_it_shows_what_comes_in_while_it_runs(screen: OnTerminal, busy: Site) -> None:
    """A new decision appears by itself; ``q`` gives the terminal back."""
    screen.until("enforce mode")
    minted = busy.mint("forum", context=4711)
    assert busy.send([f"<{minted.address}>"], reply(minted, "live")).startswith("250")
    screen.until("forum")
    os.write(screen.ours, b"q")
    assert screen.ended()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_is_ended_the_terminal_is_given_back(screen: OnTerminal, number: signal.Signals) -> None:
    """With its cursor, its lines and its echo."""
    screen.until("enforce mode")
    screen.running.send_signal(number)
    assert screen.ended()


def test_in_a_window_narrower_than_a_page_no_line_wraps(screen: OnTerminal) -> None:
    """The terminal cuts lines off at its edge (DECAWM is reset), so a page never scrolls; it wraps again at the end."""
    assert screen.until("enforce mode").index("\x1b[?7l") < screen.text.index("enforce mode")
    os.write(screen.ours, b"q")
    assert screen.ended()
    assert "\x1b[?7h" in screen.text
