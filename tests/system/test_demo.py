"""``reply-milter demo``: what a newcomer sees first; and that it leaves nothing behind, however it is ended."""

import os
import re
import signal
import smtplib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reply_milter.cli.demo.letters import ALICE
from tests.support.processes.daemon_process import wait_until
from tools.pictures.__main__ import FOLDER as PICTURES
from tools.pictures.demonstration import COLUMNS, demonstration, excerpt, printed

pytestmark = pytest.mark.system

# What each row of the table must say: what the client heard, and what arrived.
ROWS = {
    "a genuine reply": ("250", "posted: user 42, shop/orders/issue/2351, sender match"),
    "a checksum made up": ("550 5.7.1 This reply address is not valid", "nothing"),
    "another user's id": ("550 5.7.1 This reply address is not valid", "nothing"),
    "another thread answered": ("550 5.7.1 This address answers another message", "nothing"),
    "an expired address": ("550 5.7.1 This reply address expired on 20", "nothing"),
    "the first message again": ("550 5.7.1 This message was already received", "nothing more"),
    "a second reply, same address": ("250", "posted: user 42, shop/orders/issue/2351, sender match"),
    "with a forged verdict": ("250", "posted: user 42, shop/orders/issue/2351, sender match"),
    "an out-of-office notice": ("250", "nothing"),
    "ordinary mail": ("250", "as it was sent"),
    "from an address not on file": ("250", "parked"),
    "Alice says that it was hers": ("250", "posted: user 42, shop/orders/issue/2351, sender mismatch"),
}


def part(output: str, number: int) -> str:
    """What stands below one of the numbered headings."""
    return re.split(r"(?m)^\d\. ", output)[number]


def check_wrapped(output: str) -> None:
    """The application's own address and key come in, ours go out, and its own comes back in a new header."""
    assert "Reply-To: incoming+AEBQ" in part(output, 5)
    assert re.search(r"(?m)^   Reply-To: reply\+[0-9a-f]{10}[a-z2-7]{48}@reply\.example\.com$", part(output, 6))
    assert re.search(r"(?m)^   References: <w1\.[a-z2-7]{17}\.\.\.@reply\.example\.com>$", part(output, 6))
    assert "AEBQ" not in part(output, 6)
    assert part(output, 7).startswith("She answers. Her mail server hears: 250 2.0.0 Ok\n")
    fields = re.findall(r"(?m)^   ([A-Z][A-Za-z-]+): (.*)$", part(output, 7))
    names = "Received Authentication-Results From To Subject In-Reply-To References Date Message-ID"
    assert [name for name, _ in fields] == names.split()
    assert dict(fields)["To"].startswith("incoming+AEBQ")
    assert "w1." not in part(output, 7) and "reply+" not in part(output, 7)
    assert len(re.findall(r"(?m)^\S.{30} 550 5\.7\.1 Answer the notification", part(output, 8))) == 2


def start(folder: Path, *flags: str) -> "subprocess.Popen[str]":
    """The demonstration, with its temporary files in ``folder``."""
    folder.chmod(0o755)
    command = [sys.executable, "-m", "reply_milter", "demo", *flags]
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def left(folder: Path) -> list[str]:
    """Command lines of processes that have to do with ``folder``."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            lines.append(line)
    return lines


def send_as_printed(output: str) -> None:
    """Send a reply to the server and address that the printed swaks command names."""
    port, address, answered = (
        re.search(pattern, output)
        for pattern in (r"--server 127\.0\.0\.1:(\d+)", r"--to (\S+)", r"h-In-Reply-To '(\S+)'")
    )
    assert port and address and answered, output
    text = f"From: <{ALICE}>\r\nTo: {address[1]}\r\nIn-Reply-To: {answered[1]}\r\nMessage-ID: <k@x>\r\n\r\nKept.\r\n"
    with smtplib.SMTP("127.0.0.1", int(port[1])) as client:
        client.sendmail(ALICE, address[1], text)


def test_the_demonstration_shows_the_whole_way() -> None:
    """Each row as it must be, and nothing left behind."""
    with tempfile.TemporaryDirectory(prefix="rm-demo-") as name:
        running = start(Path(name))
        output, _ = running.communicate(timeout=120)
        assert running.returncode == 0, output
        assert output.startswith("Starting a private Postfix")
        assert "\x1b" not in output, "a pipe is no terminal"
        assert "WHAT NEXT" in output and "demo --keep" in output
        assert "X-Reply-Mint: handler=issue; user=42" in output
        assert re.search(r"^   user: +42$", output, re.MULTILINE), output
        assert re.search(r"^   text: +Yes, it is\.$", output, re.MULTILINE), output
        assert "sender mismatch: the reply came from alice@elsewhere.example, which is not on file" in output
        check_wrapped(output)
        rows = {line[:31].strip(): line[32:] for line in output.splitlines()}
        for shows, (heard, arrived) in ROWS.items():
            assert rows[shows].startswith(heard), rows[shows]
            assert re.search(rf"  {re.escape(arrived)}", rows[shows]), rows[shows]
        assert list(Path(name).iterdir()) == []
        assert left(Path(name)) == []


def test_the_commands_that_keep_prints_can_be_run() -> None:
    """As they stand, in any folder; the webhook's calls follow as fields."""
    with tempfile.TemporaryDirectory(prefix="rm-demo-") as name:
        running = start(Path(name), "--keep")
        assert running.stdout is not None
        lines: list[str] = []
        while "Press Ctrl-C" not in (line := running.stdout.readline()):
            assert line, lines
            lines.append(line)
        commands = [line for line in lines if "--config" in line]
        explained, parked, top = (
            subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, stdin=subprocess.DEVNULL)
            for line in commands
        )
        assert b"enforce mode" in top.stdout and b"sender_mismatch" in top.stdout and top.returncode == 0, top
        assert explained.stdout.startswith(b"valid\n"), explained
        assert (parked.returncode, parked.stdout, parked.stderr) == (0, b"", b"nothing is parked\n")
        send_as_printed("".join(lines))
        while not (line := running.stdout.readline()).startswith("text:"):
            assert line and "{" not in line, line
        assert line.split() == ["text:", "Kept."]
        running.send_signal(signal.SIGTERM)
        running.wait(20)
        running.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_it_is_ended_nothing_goes_on(number: signal.Signals) -> None:
    """Not the daemon, not its store, not Postfix."""
    with tempfile.TemporaryDirectory(prefix="rm-demo-") as name:
        running = start(Path(name), "--keep")
        assert running.stdout is not None
        for line in running.stdout:
            if "Press Ctrl-C" in line:
                break
        assert left(Path(name))
        running.send_signal(number)
        running.wait(20)
        running.stdout.close()
        wait_until(lambda: not left(Path(name)), 10, f"nothing left: {left(Path(name))}")


def test_the_picture_shows_what_the_demonstration_prints() -> None:
    """On a terminal of that width, in colour: ``make pictures`` draws it anew."""
    with tempfile.TemporaryDirectory(prefix="rm-demo-") as name:
        Path(name).chmod(0o755)
        text = printed(Path(name))
    assert max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in excerpt(text)) <= COLUMNS
    assert demonstration(text) == (PICTURES / "demo.svg").read_text(encoding="utf-8")
