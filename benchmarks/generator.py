"""The load generator, compiled on demand: it acts as an MTA, and as a milter that accepts everything."""

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import BenchmarkError, Tree

_SOURCE = Path(__file__).with_name("load.c")


@dataclass(frozen=True, slots=True)
class Run:
    """The answers of one run. ``messages``: their number in ``seconds``; counts by the final answer to each message."""

    messages: int
    seconds: float
    p50_ms: float
    p99_ms: float
    load_cpu_seconds: float
    accepted: int
    edited: int
    refused_rcpt: int
    refused_eom: int
    deferred: int
    octets_out: int


class Generator:
    """``load.c``, built in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "load"
        self._folder = folder
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(self._program), str(_SOURCE)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            raise BenchmarkError(f"gcc: {built.stderr}")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))

    def drive(self, socket: str, mail: Path, connections: int, messages: int, session: int) -> Run:
        """Send ``messages`` of the file ``mail``, over so many connections at once and ``session`` on each.

        ``socket`` is a path, or ``inet:PORT``.

        Raises:
            BenchmarkError: the milter closed the connection, or did not answer.
        """
        arguments = [socket, str(mail), str(connections), str(messages), str(session)]
        done = subprocess.run([str(self._program), *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkError(done.stderr.strip())
        return Run(**json.loads(done.stdout))

    def null_responder(self, socket: str, steps: int, early: bool) -> Tree:
        """A milter of no work at all: what the generator can do at most. ``early``: it accepts at DATA."""
        data = "a" if early else "c"
        return Tree([str(self._program), "--null", socket, str(steps), "0", data], self._folder / "null.log")

    def spin(self, programs: int, seconds: float) -> float:
        """Turns per second of a pure CPU loop, of so many ``programs`` at the same time together."""
        command = [str(self._program), "--spin", str(seconds)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(programs)]
        return sum(float(one.communicate()[0]) for one in running)
