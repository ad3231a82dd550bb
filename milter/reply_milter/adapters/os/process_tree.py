"""A single-threaded supervisor of a few processes: starts them, restarts the dead with back-off, ends them together.

It forks, so it must never have a second thread. The kernel kills its children when it dies, even by SIGKILL. They are
in process groups of their own, so that a terminal's Ctrl-C reaches only the supervisor.
"""

import ctypes
import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_LONGEST_DELAY = 1.0  # seconds between two starts of a child that keeps dying
_SETTLED = 0.5  # seconds of life after which a death counts as the first: no loop of forks, and mail is answered
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> Callable[[], None]:
    """Return what a new child must run first: the kernel then kills it when its parent dies."""

    def run() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before we asked
            os._exit(0)

    return run


def stay_on_one_cpu(number: int) -> None:
    """Bind this process and its threads to one of the CPUs that it may use, a different one for each small ``number``.

    One interpreter lock means one CPU at a time. Where its threads wait on several, each release of the lock wakes a
    thread elsewhere that comes too late: with 32 connections that took five times the CPU time of the work itself.
    """
    with suppress(OSError):  # where this is forbidden, it only costs time
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpus[-1 - number % len(cpus)]})


def fork(run: Callable[[], None]) -> int:
    """Fork a child that runs ``run`` and ends; returns its process id."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        gc.freeze()  # a full collection would write to each object, and make the parent's memory the child's own
        die_with_parent(parent)()
        os.setpgid(0, 0)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)  # only the supervisor acts on signals
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        run()
        status = 0
    except Exception:
        log.exception("a process ends on an error")
    finally:
        os._exit(status)


@dataclass(slots=True)
class Child:
    """A process that is to run. ``start`` returns its id; ``stop`` asks it to end, which it need not do in time.

    Children of a lower ``rank`` are ended after those of a higher one have gone: a store after its users.
    """

    name: str
    start: Callable[[], int]
    stop: Callable[[int], None]
    rank: int = 1
    pid: int = 0
    started: float = 0.0
    deaths: int = 0
    due: float = field(default=0.0)


class Observer(Protocol):
    """Is called while the tree runs. Must not block: deaths and signals wait meanwhile."""

    def tick(self) -> float:
        """Called after children that are due were started; returns the seconds until the next call, at most."""
        ...

    def ending(self) -> None:
        """Called before the children are ended."""
        ...


class ProcessTree:
    """Children are started in order and ended by rank, all within ``grace_seconds``."""

    def __init__(self, grace_seconds: float) -> None:
        self._children: list[Child] = []
        self._grace = grace_seconds
        self._ending = False
        self._hup = False

    def note_hangups(self) -> None:
        """Keep SIGHUP from ending this process from now on; ``run`` then reloads before it first waits."""
        signal.signal(signal.SIGHUP, self._note)

    def run(self, children: list[Child], observer: Observer, reload: Callable[[], None]) -> None:
        """Run ``children`` until SIGTERM or SIGINT, then end them. SIGHUP calls ``reload``."""
        self._children = children
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._note)
        while not self._ending:
            self._reap()
            self._start_due()
            if self._hup:
                self._hup = False
                reload()
            self._sleep(reading, observer.tick())
        observer.ending()
        self._end(reading)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._ending = True
        elif number == signal.SIGHUP:
            self._hup = True

    def _sleep(self, reading: int, longest: float) -> None:
        """Wait for a signal or for the next start that is due."""
        now = time.monotonic()
        waits = [max(0.0, child.due - now) for child in self._children if not child.pid and not self._ending]
        select.select([reading], [], [], min([longest, *waits]))
        try:
            while os.read(reading, 512):
                pass
        except BlockingIOError:
            return

    def _start_due(self) -> None:
        for child in self._children:
            if not child.pid and child.due <= time.monotonic():
                child.started = time.monotonic()
                try:
                    child.pid = child.start()
                    log.info("started %s, process %d", child.name, child.pid)
                except OSError as error:
                    log.error("cannot start %s: %s", child.name, error)
                    self._back_off(child)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for child in self._children:
                if child.pid == pid:
                    child.pid = 0
                    self._back_off(child)
                    if not self._ending:
                        log.warning("%s, process %d, ended: %s", child.name, pid, _how(status))

    def _back_off(self, child: Child) -> None:
        """Restart at once after the first death, then after longer and longer delays."""
        now = time.monotonic()
        child.deaths = 1 if now - child.started > _SETTLED else child.deaths + 1
        child.due = now + (0.0 if child.deaths == 1 else min(_LONGEST_DELAY, 0.05 * 2 ** (child.deaths - 1)))

    def _end(self, reading: int) -> None:
        """End the children of each rank, and kill those that take longer than the grace time."""
        log.info("ending")
        start = time.monotonic()
        ranks = sorted({child.rank for child in self._children}, reverse=True)
        for number, rank in enumerate(ranks, 1):
            group = [child for child in self._children if child.rank == rank]
            deadline = start + self._grace * (
                0.6 + 0.4 * number / len(ranks)
            )  # the last rank has the time that the others left
            for child in group:
                if child.pid:
                    child.stop(child.pid)
            while any(child.pid for child in group) and time.monotonic() < deadline:
                self._sleep(reading, 0.05)
                self._reap()
            for child in group:
                if child.pid:
                    os.kill(child.pid, signal.SIGKILL)
                    os.waitpid(child.pid, 0)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit status {code}" if code >= 0 else f"signal {-code}"
