"""The process_table: which children there are, whether they run, and how often they were started."""

import os
import signal
import subprocess

from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.ports.condition import Process
from tests.support.processes.daemon_process import wait_until


def test_children_are_known_by_name_while_they_run() -> None:
    """What was never started does not; a zombie that waits for its reaper doesn't any more."""
    process_table = ProcessTable(["store", "worker"])
    assert process_table.children() == [Process("store", 0, 0), Process("worker", 0, 0)]
    child = subprocess.Popen(["/bin/sleep", "60"])
    process_table.started("worker", child.pid)
    assert process_table.children() == [Process("store", 0, 0), Process("worker", child.pid, 1)]
    child.send_signal(signal.SIGKILL)
    wait_until(lambda: process_table.children()[1].pid == 0, 5, "the death is seen before the child is reaped")
    child.wait()
    again = subprocess.Popen(["/bin/sleep", "60"])
    process_table.started("worker", again.pid)
    assert process_table.children()[1] == Process("worker", again.pid, 2)
    again.kill()
    again.wait()


def test_a_number_that_somebody_else_has_now_is_not_the_child() -> None:
    """Process ids are used again."""
    process_table = ProcessTable(["worker"])
    process_table.started("worker", 1)
    assert process_table.children() == [Process("worker", 0, 1)]


def test_the_supervisor_is_on_it() -> None:
    """And never restarted: who restarts it starts a new daemon."""
    assert ProcessTable([]).all() == [Process("supervisor", os.getpid(), 1)]


def test_forked_children_see_what_the_supervisor_notes() -> None:
    """Also what it notes after they were forked."""
    process_table = ProcessTable(["one", "other"])
    reading, writing = os.pipe()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.read(told, 1)
        os.write(writing, str(process_table.children()[1].starts).encode())
        os._exit(0)
    process_table.started("other", os.getpid())
    os.write(tell, b"x")
    assert os.read(reading, 9) == b"1"
    os.waitpid(child, 0)
    for descriptor in (reading, writing, told, tell):
        os.close(descriptor)
