"""Where the password or access token of a login comes from. Each login asks anew, so a new one needs no reload."""

import os
import selectors
import signal
import stat
import subprocess
import time
from contextlib import suppress

from reply_milter.files import without_waiting
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError

COMMAND_SECONDS = 30.0
_OCTETS = 1 << 14  # of a password or token; access tokens have 2,000 to 4,000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def of_file(path: str) -> str:
    """Return the first line of a file.

    Raises:
        MailboxRefusedError: it can't be read, or holds no such line.
    """
    try:
        with open(path, "rb", opener=without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise MailboxRefusedError(f"{path}: is not a file")
            return first_line(file.read(_OCTETS + 1), path)
    except OSError as error:
        raise MailboxRefusedError(f"{path}: {error.strerror}") from error


def first_line(octets: bytes, whose: str) -> str:
    """Return the first line of ``octets``, without blanks around it.

    Raises:
        MailboxRefusedError: it is empty, too long, or no text.
    """
    try:
        line = octets[: _OCTETS + 1].partition(b"\n")[0].decode().strip()
    except UnicodeDecodeError:
        raise MailboxRefusedError(f"{whose}: the first line is not UTF-8 text") from None
    if len(line) > _OCTETS or not line or not line.isprintable():
        raise MailboxRefusedError(f"{whose}: the first line must hold the password or the access token")
    return line


def of_command(argv: tuple[str, ...], seconds: float = COMMAND_SECONDS) -> str:
    """Return the first line that a program prints. No shell; it is killed with its process group after ``seconds``.

    Raises:
        MailboxRefusedError: it can't be started, ended with another status than 0, or printed no such line.
        MailboxUnavailableError: it took too long.
    """
    name = argv[0]
    try:
        program = _started(argv)
    except OSError as error:
        raise MailboxRefusedError(f"{name}: {error.strerror}") from error
    try:
        printed, status = _output(program, time.monotonic() + seconds)
    except subprocess.TimeoutExpired:
        raise MailboxUnavailableError(f"{name}: took longer than {seconds:.0f} s") from None
    finally:
        _end(program)
    if status:
        raise MailboxRefusedError(f"{name}: ended with status {status}")
    return first_line(printed, name)


def _started(argv: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 # the operator's program, and nothing of a mail in its arguments
        [*argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it may tell the secret
        env={"PATH": _PATH, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")},
        cwd="/",
        start_new_session=True,
    )


def _output(program: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, int]:
    """Read until the program closes its output or has printed enough, and wait for its end."""
    printed = b""
    out = program.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(out or -1, selectors.EVENT_READ)
        while out and len(printed) <= _OCTETS:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise subprocess.TimeoutExpired(program.args, 0)
            octets = os.read(out.fileno(), _OCTETS)
            if not octets:
                return printed, program.wait(max(deadline - time.monotonic(), 0.01))
            printed += octets
    return printed, 0


def _end(program: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the program and of its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    with suppress(OSError):
        if program.stdout:
            program.stdout.close()
    program.wait()
