"""Replies to a program of the operator's: an argument list, never a shell; who answers what is in its environment."""

import logging
import os
import socket
import subprocess
import sys
from typing import BinaryIO

from reply_milter.adapters.handlers import keeper
from reply_milter.core.delivery import payload
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.verdict.destination import Command, Format

log = logging.getLogger(__name__)

_NEVER = frozenset({os.EX_DATAERR, os.EX_NOUSER, os.EX_NOHOST, os.EX_NOPERM})
_KEEPER_SECONDS = 5.0  # that a keeper needs at most to kill what it keeps
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class CommandDeliverer:
    """Implements ``ports.delivery.Deliverer``. Exit status 0 has it; 65, 67, 68 and 77 never will; else later."""

    name = "command"
    description = "a program, with the message or JSON on its standard input"

    def __init__(self, command: Command) -> None:
        self._command = command

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        given = reply.envelope.message if self._command.format is Format.RAW else payload.write(reply)
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with _open(given) as message, theirs:
                    process = self._start(message, theirs.fileno(), payload.variables(reply))
            except OSError as error:
                return Later(_not_started(error.strerror))
            return self._result(process, ours)

    def _start(self, message: BinaryIO, line: int, variables: dict[str, str]) -> "subprocess.Popen[bytes]":
        """The program's keeper, which starts it."""
        return subprocess.Popen(  # noqa: S603 # an operator's program, and no word of a mail in its arguments
            [sys.executable, "-I", "-S", keeper.__file__, str(line), *self._command.argv],
            stdin=message,
            stdout=subprocess.DEVNULL,
            env={**_ENVIRONMENT, **variables},
            cwd="/",
            start_new_session=True,
            pass_fds=[line],
        )

    def _result(self, process: "subprocess.Popen[bytes]", line: socket.socket) -> DeliveryOutcome:
        try:
            line.settimeout(self._command.timeout_seconds)
            told = line.recv(64).decode()
        except TimeoutError:
            return Later(f"the program took longer than {self._command.timeout_seconds} s")
        except OSError:
            told = ""
        finally:  # a reply must not be worked on after we called it later
            line.close()
            self._end(process)
        return _judged(told)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the keeper, which ends all that it keeps; end both if it does not: a program may have stopped it."""
        name = self._command.argv[0]
        try:
            status = process.wait(_KEEPER_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("the keeper of a program does not end; killing it and all that the program started: %s", name)
            keeper.end_kin(process.pid, _KEEPER_SECONDS)
            process.kill()
            process.wait()
            return
        if status < 0:
            log.warning("the keeper of a program was killed; what the program started may run on: %s", name)
        elif status:
            log.warning("what a program started runs on, as another user: %s", name)


def _judged(told: str) -> DeliveryOutcome:
    """What ``keeper`` says of the program, or nothing if somebody killed it."""
    what, _, number = told.partition(" ")
    if what == "errno":
        return Later(_not_started(os.strerror(int(number))))
    if what != "exit":
        return Later("the program's keeper was killed, and the program with it")
    status = int(number)
    if status == os.EX_OK:
        return Done()
    how = f"the program ended with status {status}"
    return Never(how) if status in _NEVER else Later(how)


def _not_started(why: str | None) -> str:
    return f"the program can't be started: {why}"


def _open(octets: bytes) -> BinaryIO:
    """A file in memory, to be read from its begin.

    A pipe would end early if we are killed while we write to it, and the program take half a reply for a whole one.
    """
    file = os.fdopen(os.memfd_create("reply"), "w+b")
    file.write(octets)
    file.seek(0)
    return file
