"""Processes that an operator's program started end with it, however they detached, and whoever of us is killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.adapters.handlers import command as commands
from reply_milter.adapters.handlers.command import CommandDeliverer
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.core.verdict.destination import Command
from tests.support.hosts.hooked import ID
from tests.support.processes.daemon_process import wait_until

# Ways of getting away from a process group, a session and a parent. Each notes who it is, and lives on.
_LIVES = "open({path!r}, 'a').write(str(os.getpid()) + chr(10)); time.sleep(120)"
AWAY = {
    "child": "if os.fork() == 0: " + _LIVES,
    "session": "if os.fork() == 0: os.setsid(); " + _LIVES,
    "daemon": "if os.fork() == 0:\n os.setsid()\n if os.fork() == 0: " + _LIVES + "\n os._exit(0)",
    "deaf": "if os.fork() == 0: os.setsid(); [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 3, 15)]; " + _LIVES,
    "chain": "for _ in range(30):\n if os.fork(): break\n os.setsid()\nelse: " + _LIVES,
}


class Program:
    """A Python program that starts what lives on, waits until that lives, and then does ``end``."""

    def __init__(self, folder: Path, way: str, end: str) -> None:
        self.noted, self.path = folder / "pids", folder / "program"
        text = AWAY[way].format(path=str(self.noted))
        self.noted.touch()
        self.path.write_text(
            f"#!{sys.executable} -IS\nimport os, signal, sys, time\nsys.stdin.buffer.read()\n"
            f"parent = os.getpid()\n{text}\n"
            f"if os.getpid() != parent: os._exit(0)\n"
            f"while not os.path.getsize({str(self.noted)!r}): time.sleep(0.01)\n{end}\n"
        )
        self.path.chmod(0o755)

    @property
    def living(self) -> list[int]:
        """Return which detached processes are alive."""
        return [pid for pid in map(int, self.noted.read_text().split()) if _alive(pid)]

    def run(self, seconds: int = 20) -> DeliveryOutcome:
        """As the hook would."""
        return CommandDeliverer(Command((str(self.path),), timeout_seconds=seconds)).process(sample_reply(ID, 1))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[str, str], Program]]:
    """Makes programs, and ends what they left."""
    made: list[Program] = []

    def make(way: str, end: str) -> Program:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Program(folder, way, end))
        return made[-1]

    yield make
    for one in made:
        for pid in one.living:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("way", AWAY)
def test_nothing_outlives_the_time_out(program: Callable[[str, str], Program], way: str) -> None:
    """Else it might have its effect after we said later."""
    one = program(way, "time.sleep(120)")
    assert one.run(seconds=2) == Later("the program took longer than 2 s")
    assert one.noted.read_text(), "it was there"
    assert one.living == []


@pytest.mark.parametrize("way", AWAY)
@pytest.mark.parametrize("end,handed", [("sys.exit(0)", Done), ("os.kill(os.getpid(), 9)", Later)])
def test_nothing_outlives_the_program(
    program: Callable[[str, str], Program], way: str, end: str, handed: type[DeliveryOutcome]
) -> None:
    """However that ended."""
    one = program(way, end)
    assert isinstance(one.run(), handed)
    assert one.noted.read_text(), "it was there"
    assert one.living == []


def test_a_program_that_stops_its_keeper_holds_no_place(
    program: Callable[[str, str], Program], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SIGSTOP can't be caught: then the hook itself ends the keeper and all that it keeps."""
    monkeypatch.setattr(commands, "_KEEPER_SECONDS", 1.0)
    one = program("daemon", "os.kill(os.getppid(), signal.SIGSTOP); time.sleep(120)")
    assert one.run(seconds=2) == Later("the program took longer than 2 s")
    assert one.noted.read_text(), "it was there"
    assert one.living == []
    assert "the keeper of a program does not end; killing it" in caplog.text


def test_a_program_that_kills_its_keeper_dies_with_it(
    program: Callable[[str, str], Program], caplog: pytest.LogCaptureFixture
) -> None:
    """What it started before may run on, which the log says."""
    one = program("session", "os.kill(os.getppid(), signal.SIGKILL); time.sleep(120)")
    assert one.run() == Later("the program's keeper was killed, and the program with it")
    assert "the keeper of a program was killed; what the program started may run on" in caplog.text
    assert "another user" not in caplog.text


def test_one_program_s_end_is_not_another_s(program: Callable[[str, str], Program]) -> None:
    """Two run at once, and each has its own keeper."""
    slow = program("daemon", f"while not os.path.exists({str(Path('/nonexistent'))!r}): time.sleep(0.05)")
    go = slow.path.parent / "go"
    slow.path.write_text(slow.path.read_text().replace("/nonexistent", str(go)))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(slow.run)
        wait_until(lambda: bool(slow.living), 20, "the slow one runs")
        assert program("daemon", "sys.exit(0)").run() == Done()
        assert slow.living
        go.touch()
        assert running.result() == Done()
    assert slow.living == []


def _hook_with(one: Program) -> "subprocess.Popen[bytes]":
    script = (
        "import sys\n"
        "from reply_milter.adapters.handlers.command import CommandDeliverer\n"
        "from reply_milter.core.verdict.destination import Command\n"
        "from reply_milter.core.delivery.sample_reply import sample_reply\n"
        f"CommandDeliverer(Command((sys.argv[1],))).process(sample_reply({ID!r}, 1))\n"
    )
    return subprocess.Popen([sys.executable, "-c", script, str(one.path)])


@pytest.mark.parametrize("way", AWAY)
def test_nothing_outlives_the_hook(program: Callable[[str, str], Program], way: str) -> None:
    """Killed by SIGKILL, as by the kernel when memory is short."""
    one = program(way, "open(sys.argv[0] + '.self', 'w').write(str(os.getpid())); time.sleep(120)")
    noted = Path(f"{one.path}.self")
    hook = _hook_with(one)
    wait_until(lambda: noted.exists() and bool(noted.read_text()), 20, "the program runs")
    assert one.living
    hook.kill()
    hook.wait()
    wait_until(lambda: not one.living and not _alive(int(noted.read_text())), 20, "everything has ended")


def test_a_program_whose_keeper_is_killed_dies_and_is_later(program: Callable[[str, str], Program]) -> None:
    """Its answer is lost, so it must not go on; what it has started does, and docs/delivery.md says so."""
    one = program("child", "open(sys.argv[0] + '.self', 'w').write(str(os.getpid())); time.sleep(120)")
    noted = Path(f"{one.path}.self")

    def kill() -> None:
        wait_until(lambda: noted.exists() and bool(noted.read_text()), 20, "the program runs")
        parent = int(Path(f"/proc/{noted.read_text()}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)

    threading.Thread(target=kill).start()
    assert one.run() == Later("the program's keeper was killed, and the program with it")
    wait_until(lambda: not _alive(int(noted.read_text())), 20, "the program is dead")


def test_a_program_has_its_signals_and_no_descriptor_of_ours(program: Callable[[str, str], Program]) -> None:
    """As any program expects: SIGPIPE ends it, and what it inherits is its input, nothing, and the log."""
    check = (
        "status = open('/proc/self/status').read()\n"
        "sys.exit(0 if 'SigBlk:\\t0000000000000000' in status and sorted(os.listdir('/proc/self/fd'))[:4] == "
        "['0', '1', '2', '3'] and len(os.listdir('/proc/self/fd')) == 4 else 1)"
    )
    assert program("child", check).run() == Done()


def test_a_command_never_gets_half_a_message(tmp_path: Path) -> None:
    """It has its own whole copy: an early end of its input would look like the real one."""
    path = tmp_path / "take-reply"
    path.write_text(f"#!/bin/sh\nsleep 0.3; wc -c > {tmp_path}/size\n")
    path.chmod(0o755)
    handed = sample_reply(ID, 1)
    handed = replace(handed, envelope=replace(handed.envelope, message=b"x" * 1_000_000))
    assert CommandDeliverer(Command((str(path),))).process(handed) == Done()
    assert int((tmp_path / "size").read_text()) == 1_000_000
