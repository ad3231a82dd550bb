"""No process of the daemon leaves a core: it would hold keys, and people's mail."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes.daemon_process import wait_until
from tests.wire.milter_alone import Milter, own_folder

pytestmark = pytest.mark.wire


@pytest.fixture
def milter() -> Iterator[Milter]:
    """A daemon that was started with leave to dump as much as it likes."""
    with own_folder() as folder:
        alone = Milter(folder)
        alone.daemon.wrapper = ("/bin/sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh")
        alone.daemon.start()
        yield alone
        alone.daemon.stop()


def _limits(pid: int) -> list[str]:
    (line,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core")]
    return line.split()[4:6]


def _processes(pid: int) -> list[int]:
    """``pid`` and all below it."""
    found = [pid]
    for parent in found:
        found += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return found


def test_no_process_may_dump_its_core(milter: Milter) -> None:
    """Supervisor, worker, store and metrics; less than any core, and too little for a program that takes them."""
    wait_until(lambda: len(_processes(milter.daemon.pid)) >= 4, 10, "all are there")
    limits = {tuple(_limits(pid)) for pid in _processes(milter.daemon.pid)}
    assert limits <= {("1", "1"), ("0", "0")}, limits
