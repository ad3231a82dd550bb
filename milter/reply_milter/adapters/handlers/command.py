"""Hand replies to an operator's program. Its argument list passes no shell; its environment says who answers."""

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
    """Implements ``ports.delivery.Deliverer``. Exit status 0 is Done; 65, 67, 68 and 77 are Never; others are Later."""

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
        """Start the keeper, which starts the program."""
        return subprocess.Popen(  # noqa: S603 # an operator's program, and nothing of a mail in its arguments
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
            answer = line.recv(64).decode()
        except TimeoutError:
            return Later(f"the program took longer than {self._command.timeout_seconds} s")
        except OSError:
            answer = ""
        finally:  # nothing may work on a reply after it was called Later
            line.close()
            self._end(process)
        return _judged(answer)

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


def _judged(answer: str) -> DeliveryOutcome:
    """Turn the keeper's answer into an outcome. It is empty if the keeper was killed."""
    what, _, number = answer.partition(" ")
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
    """Make a file in memory, for the program to read from its beginning.

    A pipe would end early if this process is killed while it writes, and the program would take half a reply for a
    whole one.
    """
    file = os.fdopen(os.memfd_create("reply"), "w+b")
    file.write(octets)
    file.seek(0)
    return file
