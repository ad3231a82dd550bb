"""Replies to a program of the operator's: an argument list, never a shell; who answers what is in its environment."""

import contextlib
import os
import signal
import subprocess
from typing import BinaryIO

from reply_milter.core import payload
from reply_milter.core.destination import Command, Format
from reply_milter.core.handed_over import Done, HandedOver, Later, Never
from reply_milter.core.reply import Reply

_NEVER = frozenset({os.EX_DATAERR, os.EX_NOUSER, os.EX_NOHOST, os.EX_NOPERM})
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class CommandDeliverer:
    """Implements ``ports.delivery.Deliverer``. Exit status 0 has it; 65, 67, 68 and 77 never will; else later."""

    name = "command"
    description = "a program, with the message or JSON on its standard input"

    def __init__(self, command: Command) -> None:
        self._command = command

    def process(self, reply: Reply) -> HandedOver:
        """See ``ports.delivery.Deliverer``."""
        given = reply.envelope.message if self._command.format is Format.RAW else payload.write(reply)
        try:
            with _open(given) as message:
                process = subprocess.Popen(  # noqa: S603 # an operator's program, and no word of a mail in its arguments
                    self._command.argv,
                    stdin=message,
                    stdout=subprocess.DEVNULL,
                    env={**_ENVIRONMENT, **payload.variables(reply)},
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as error:
            return Later(f"the program can't be started: {error.strerror}")
        return self._result(process)

    def _result(self, process: "subprocess.Popen[bytes]") -> HandedOver:
        try:
            process.wait(self._command.timeout_seconds)
        except subprocess.TimeoutExpired:
            return Later(f"the program took longer than {self._command.timeout_seconds} s")
        finally:
            _end(process)
        if process.returncode == os.EX_OK:
            return Done()
        how = f"the program ended with status {process.returncode}"
        return Never(how) if process.returncode in _NEVER else Later(how)


def _open(octets: bytes) -> BinaryIO:
    """A file in memory, to be read from its begin.

    A pipe would end early if we are killed while we write to it, and the program take half a reply for a whole one.
    """
    file = os.fdopen(os.memfd_create("reply"), "w+b")
    file.write(octets)
    file.seek(0)
    return file


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It and whatever it has started: a reply must not be worked on after we called it later."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
