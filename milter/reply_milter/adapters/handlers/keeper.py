"""Run a program, and end all of its descendants: when it has ended, when it is late, or when the hook dies.

It is started as ``python -I -S keeper.py DESCRIPTOR PROGRAM ARGUMENT...`` and imports nothing else of the package.
A process can leave its process group by setsid(2), and its parent by forking twice; but it can leave its subreaper
(prctl(2)) only by ending. Each keeper is the subreaper of one program alone, so all its descendants are that program's.
DESCRIPTOR is one end of a socket: the keeper writes ``exit STATUS`` or ``errno NUMBER`` there. When the other end is
closed, the keeper kills all descendants.
"""

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOOK_SECONDS = 0.02  # between two looks whether the killed processes have ended
_DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ)  # which Python ignores, and a program expects at their default
_ENDED_BY_US = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
)  # if the program ended its keeper by one, no process would end the rest
_libc = ctypes.CDLL(None, use_errno=True)


def main(line: int, argv: list[str]) -> int:
    """Keep one program; returns our own exit status: 1 if something could not be ended."""
    os.set_inheritable(line, False)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (*_ENDED_BY_US, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    woken, waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    failed, failing = os.pipe2(os.O_CLOEXEC)
    program = os.fork()
    if not program:
        _become(argv, failing)
    os.close(failing)
    told = os.read(failed, 16).decode()
    if told:
        os.write(line, f"errno {told}".encode())
        return 0
    _await(program, line, woken)
    return 0 if _end_all() else 1


def _become(argv: list[str], failing: int) -> None:
    """In the child: be the program, and die with its keeper. What it has started would outlive that."""
    try:
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for number in (*_DEFAULTS, *_ENDED_BY_US, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.execve(argv[0], argv, os.environb)  # noqa: S606 # a shell is what there must not be
    except OSError as error:
        os.write(failing, str(error.errno).encode())
    finally:
        os._exit(127)


def _await(program: int, line: int, woken: int) -> None:
    """Wait until the program has ended, and report that; or until the other end of the socket is closed."""
    while True:
        ready, _, _ = select.select([woken, line], [], [])
        if line in ready:
            return
        with suppress(BlockingIOError):
            os.read(woken, 512)
        while (ended := _reap())[0]:
            if ended[0] == program:
                with suppress(OSError):
                    os.write(line, f"exit {os.waitstatus_to_exitcode(ended[1])}".encode())
                return


def _end_all() -> bool:
    """Kill all that is left, and what it starts meanwhile; False if some of it belongs to another user by now."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        kin = _kin(os.getpid())
        if kin and not any(_kill(one) for one in kin):
            return False
        select.select([], [], [], _LOOK_SECONDS)


def end_kin(root: int, seconds: float) -> None:
    """Kill all that descends from a keeper, which is ``root``, and what that starts meanwhile; give up in the end.

    For who has started a keeper that does not do so. As long as it exists, nothing that it keeps leaves it.
    """
    for _ in range(int(seconds / _LOOK_SECONDS)):
        killed = [_kill(one) for one in _kin(root)]  # each of them, before anybody looks at the result
        if not any(killed):
            return
        select.select([], [], [], _LOOK_SECONDS)


def _reap() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return (0, 0)


def _kill(pid: int) -> bool:
    """Kill a process. False: it belongs to another user."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def _kin(root: int) -> list[int]:
    """All that descends from ``root``, zombies left out."""
    parents = {int(name): parent for name in os.listdir("/proc") if name.isdigit() and (parent := _parent(name))}
    found, more = set[int](), {root}
    while more:
        more = {pid for pid, parent in parents.items() if parent in more and pid not in found}
        found |= more
    return sorted(found)


def _parent(pid: str) -> int:
    """0 for what is dead, or ended while we looked."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
    except OSError:
        return 0
    return 0 if state in (b"Z", b"X") else int(parent)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
